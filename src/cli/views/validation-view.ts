/** `starling config validate`. */
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatCount } from '../output/words.ts';

/** Something that is wrong. */
export interface Finding {
  /** `file:line:column`, the name of an environment variable, or the node it is about. */
  readonly where: string;
  /** An error makes the configuration, or a resource, unusable. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

export interface Validation {
  /** Files and directories that were read. */
  readonly checked: readonly string[];
  /** How many resources were read. */
  readonly resources: number;
  readonly problems: readonly Finding[];
  readonly valid: boolean;
}

/** A line a problem, in the form that editors jump to, and a last line that sums up. */
export function renderValidation({ checked, resources, problems, valid }: Validation, style: Style): string {
  const lines = problems.map(({ where, severity, message }) => {
    const label = paint(severity, severity === 'error' ? 'red' : 'yellow', style);
    return `${where}: ${label}: ${message}\n`;
  });
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const counts = [
    formatCount(resources, 'resource'),
    ...(errors > 0 ? [formatCount(errors, 'error')] : []),
    ...(problems.length > errors ? [formatCount(problems.length - errors, 'warning')] : []),
  ];
  const verdict = valid ? paint('valid', 'green', style) : paint('not valid', 'red', style);
  return `${lines.join('')}${checked.join(', ')}: ${verdict}, ${counts.join(', ')}\n`;
}

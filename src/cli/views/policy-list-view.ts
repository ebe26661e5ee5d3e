/** Columns of `starling policy list`: a line a policy. */
import type { PolicyReport } from '../../api/agent-types.ts';
import type { Cell, Column } from '../output/table.ts';
import { formatCount, shorten } from '../output/words.ts';

/** Longest selector that is shown, where not all is wanted. */
const SHORT = 40;

interface PolicyColumn extends Column {
  readonly cell: (policy: PolicyReport) => Cell;
}

function columnsOf(wide: boolean): readonly PolicyColumn[] {
  const extra: readonly PolicyColumn[] = [
    { title: 'SCOPE', cell: ({ scope }) => scope },
    { title: 'RULES', cell: ({ rules: { ingress, egress } }) => `${ingress}/${egress}` },
  ];
  return [
    { title: 'TIER', cell: tierCell },
    { title: 'ORDER', right: true, cell: ({ order }) => order ?? '-' },
    { title: 'KIND', cell: ({ kind }) => kind },
    { title: 'POLICY', cell: policyName },
    { title: 'DIRECTIONS', cell: ({ directions }) => directions.join(',') || '-' },
    { title: 'ENDPOINTS', right: true, cell: ({ endpoints }) => endpoints },
    ...(wide ? extra : []),
    { title: 'SELECTOR', cell: ({ selector }) => (wide ? selector : shorten(selector, SHORT)) },
    { title: 'PROBLEMS', cell: ({ problems }) => problemCell(problems, wide) },
  ];
}

export function policyColumns(wide: boolean): {
  readonly columns: readonly Column[];
  readonly toRows: (policy: PolicyReport) => readonly (readonly Cell[])[];
} {
  const columns = columnsOf(wide);
  return { columns, toRows: (policy) => [columns.map(({ cell }) => cell(policy))] };
}

/** One that does not exist is worth a look. */
function tierCell({ tier: { name, exists } }: PolicyReport): Cell {
  return exists ? name : { text: `${name} (missing)`, colour: 'yellow' };
}

function policyName({ namespace, name }: PolicyReport): string {
  return namespace === null ? name : `${namespace}/${name}`;
}

function problemCell(problems: PolicyReport['problems'], wide: boolean): Cell {
  if (problems.length === 0) return '-';
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const words = wide
    ? problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
    : errors > 0
      ? formatCount(errors, 'error')
      : formatCount(problems.length, 'warning');
  return { text: words, colour: errors > 0 ? 'red' : 'yellow' };
}

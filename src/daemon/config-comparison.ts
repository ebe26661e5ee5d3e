/** What is different between two configurations, by whether a running daemon can take it. */
import { isDeepStrictEqual } from 'node:util';
import { CONFIG_FIELDS } from './config-fields.ts';
import type { Config } from './config.ts';

/** Fields, or with a dot groups of fields, that a running daemon takes. */
const NOW = ['log.', 'bestPath.', 'peering.', 'drain.', 'services.', 'calicoCompatible', 'fib.sysctl', 'fib.felix'];

export interface ConfigComparison {
  /** Fields that can change at once. */
  readonly now: readonly string[];
  /** Fields that count only from the next start on. */
  readonly later: readonly string[];
}

/** Names the fields that differ, as in the file: `log.level`. */
export function compareConfigs(before: Config, after: Config): ConfigComparison {
  const changed = CONFIG_FIELDS.map(({ field }) => field).filter(
    (field) => !isDeepStrictEqual(valueAt(before, field), valueAt(after, field)),
  );
  const atOnce = (field: string): boolean => NOW.some((group) => field.startsWith(group));
  return { now: changed.filter(atOnce), later: changed.filter((field) => !atOnce(field)) };
}

function valueAt(config: Config, field: string): unknown {
  let value: unknown = config;
  for (const name of field.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.entries(value).find(([key]) => key === name)?.[1];
  }
  return value;
}

/** What is different between two configurations, by whether a running daemon can take it. */
import { isDeepStrictEqual } from 'node:util';
import { CONFIG_FIELDS } from './config-fields.ts';
import type { Config } from './config.ts';
import type { AnyEventLog } from './event-log.ts';

export interface ConfigComparison {
  /** Fields that can change at once. */
  readonly now: readonly string[];
  /** Fields that count only from the next start on. */
  readonly later: readonly string[];
}

/** Which fields are what to a daemon, by how their names begin: `log.` are all fields of a group. */
export interface ReloadScope {
  /** Those that it takes while it runs. */
  readonly taken: readonly string[];
  /** Those that are the other daemon's. */
  readonly ignored: readonly string[];
}

/** Names the fields that differ, as in the file: `log.level`. */
export function compareConfigs(before: Config, after: Config, { taken, ignored }: ReloadScope): ConfigComparison {
  const among = (groups: readonly string[]) => (field: string) => groups.some((group) => field.startsWith(group));
  const changed = CONFIG_FIELDS.map(({ field }) => field).filter(
    (field) => !among(ignored)(field) && !isDeepStrictEqual(valueAt(before, field), valueAt(after, field)),
  );
  const atOnce = among(taken);
  return { now: changed.filter(atOnce), later: changed.filter((field) => !atOnce(field)) };
}

/** Tells what of a configuration that was read again is taken. */
export function reportReload(events: AnyEventLog, node: string, { now, later }: ConfigComparison): void {
  const words = now.length === 0 ? 'nothing that can change while it runs is different' : `taken: ${now.join(', ')}`;
  events.add('config', node, `configuration read again; ${words}`);
  if (later.length === 0) return;
  events.add('config', node, `changed, but in force only after a restart: ${later.join(', ')}`, 'warn');
}

function valueAt(config: Config, field: string): unknown {
  let value: unknown = config;
  for (const name of field.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.entries(value).find(([key]) => key === name)?.[1];
  }
  return value;
}

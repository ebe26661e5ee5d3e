/** What a running daemon takes of a configuration that was read again. */
import type { Config } from '../process/config.ts';

/** Fields, or with a dot groups of fields. */
export const TAKEN_FIELDS: readonly string[] = [
  'log.',
  'bestPath.',
  'peering.',
  'drain.',
  'services.',
  'calicoCompatible',
  'fib.sysctl',
  'fib.felix',
];

/** The configuration of a running daemon with what it can take of one that was read again. */
export function takenConfig(before: Config, after: Config): Config {
  const { log, bestPath, peering, drain, services, calicoCompatible } = after;
  const { sysctl, felix } = after.fib;
  const fib = { ...before.fib, sysctl, felix };
  return { ...before, log, bestPath, peering, drain, services, calicoCompatible, fib };
}

/** What a running daemon takes of a configuration that was read again. */
import type { ReloadScope } from '../process/config-comparison.ts';
import type { Config } from '../process/config.ts';

export const RELOAD_SCOPE: ReloadScope = {
  taken: ['log.', 'bestPath.', 'peering.', 'drain.', 'services.', 'calicoCompatible', 'fib.sysctl', 'fib.felix'],
  ignored: ['policy.'],
};

/** The configuration of a running daemon with what it can take of one that was read again. */
export function takenConfig(before: Config, after: Config): Config {
  const { log, bestPath, peering, drain, services, calicoCompatible } = after;
  const { sysctl, felix } = after.fib;
  const fib = { ...before.fib, sysctl, felix };
  return { ...before, log, bestPath, peering, drain, services, calicoCompatible, fib };
}

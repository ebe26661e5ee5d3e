/** What a running agent takes of a configuration that was read again. */
import { CONFIG_FIELDS } from '../process/config-fields.ts';
import type { ReloadScope } from '../process/config-comparison.ts';
import type { Config } from '../process/config.ts';

/** Where it listens and writes is settled at the start, as are the node and the datastore. */
const SETTLED = new Set(['policy.socket', 'policy.http', 'policy.endpointStatusPathPrefix']);

const TAKEN = CONFIG_FIELDS.map(({ field }) => field).filter(
  (field) => (field.startsWith('policy.') && !SETTLED.has(field)) || field.startsWith('log.'),
);

/** What is neither the node, the datastore nor of policies is the daemon's. */
const SHARED = ['nodeName', 'namespace', 'datastore.', 'policy.', 'log.', 'services.loopPrevention'];

export const RELOAD_SCOPE: ReloadScope = {
  taken: [...TAKEN, 'services.loopPrevention'],
  ignored: CONFIG_FIELDS.map(({ field }) => field).filter((field) => !SHARED.some((group) => field.startsWith(group))),
};

/** The configuration of a running agent with what it can take of one that was read again. */
export function takenConfig(before: Config, after: Config): Config {
  const { socket, http, endpointStatusPathPrefix } = before.policy;
  return {
    ...before,
    log: after.log,
    services: after.services,
    policy: { ...after.policy, socket, http, endpointStatusPathPrefix },
  };
}

/** What the configuration of the node says of policies in place of FelixConfiguration. */
import type { PolicyOverrides } from '../policy/policy-settings.ts';
import type { Config } from '../process/config.ts';

/** `ownsLoops`: no other process stops packets to services that nobody serves. */
export function policyOverrides({ policy, services }: Config, ownsLoops: boolean): PolicyOverrides {
  const { socket: _socket, http: _http, endpointStatusPathPrefix: _prefix, masquerade, ...felix } = policy;
  return { felix, masquerade, loops: ownsLoops && services.loopPrevention === 'auto' };
}

/** What is said on endpoints that are not enforced. */
import type { Endpoint } from './endpoint.ts';
import type { PolicyProblem } from './problem.ts';

export function takenBy(endpoint: Endpoint, interfaceName: string, owner: Endpoint): PolicyProblem {
  const { kind, name } = resourceOf(owner);
  return {
    ...resourceOf(endpoint),
    path: ['spec', 'interfaceName'],
    message: `interface ${interfaceName} belongs to ${kind} ${owner.namespace === undefined ? name : owner.name}, so this one is not enforced`,
    severity: 'error',
  };
}

/** An endpoint whose interface is judged once it is known, and open before. */
export function* outsideOfPrefixes(endpoint: Endpoint, prefixes: readonly string[]): Generator<PolicyProblem> {
  const name = endpoint.local?.interfaceName;
  if (endpoint.kind !== 'workload' || name === undefined || prefixes.some((prefix) => name.startsWith(prefix))) return;
  const message = `interface ${name} does not begin with interfacePrefix (${prefixes.join(',')}): its packets are judged, but those of one like it that is not known yet are not`;
  yield { ...resourceOf(endpoint), path: ['spec', 'interfaceName'], message, severity: 'warning' };
}

/** The resource of an endpoint, as its key names it. */
export function resourceOf({ key, namespace }: Endpoint): Pick<PolicyProblem, 'kind' | 'namespace' | 'name'> {
  const kind = key.slice(0, key.indexOf(' '));
  const name = key.slice(key.indexOf('/') + 1);
  return { kind, ...(namespace === undefined ? {} : { namespace }), name };
}

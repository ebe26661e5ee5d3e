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

/** The resource of an endpoint, as its key names it. */
export function resourceOf({ key, namespace }: Endpoint): Pick<PolicyProblem, 'kind' | 'namespace' | 'name'> {
  const kind = key.slice(0, key.indexOf(' '));
  const name = key.slice(key.indexOf('/') + 1);
  return { kind, ...(namespace === undefined ? {} : { namespace }), name };
}

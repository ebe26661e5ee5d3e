/** Felix, Calico's agent, as far as the resources tell of it on one node. */
import type { ClusterView } from '../resources/cluster-view.ts';
import type { FelixConfiguration } from '../resources/kinds/felix-configuration.ts';

/** Whether Felix runs on the node: known, or to be judged from the resources. */
export type FelixPresence = 'auto' | 'present' | 'absent';

type Spec = FelixConfiguration['spec'];

export interface FelixSettings {
  readonly present: boolean;
  /** Why it is taken to be there or not, as part of a sentence. */
  readonly presence: string;
  /** What the object for the node says, else the one for all nodes. */
  readonly spec: Spec;
  /** Name of the object that sets a field; of the one for all nodes where none does. */
  objectOf(field: keyof Spec): string;
}

/** Calico creates FelixConfiguration `default` in every cluster, so without one there is no Felix. */
export function felixSettings(view: ClusterView, node: string, presence: FelixPresence): FelixSettings {
  const own = view.get('FelixConfiguration', `node.${node}`);
  const common = view.get('FelixConfiguration', 'default');
  return {
    ...judge(node, (own ?? common)?.metadata.name, presence),
    spec: { ...common?.spec, ...own?.spec },
    objectOf: (field) => (own?.spec[field] === undefined ? 'default' : `node.${node}`),
  };
}

function judge(node: string, object: string | undefined, presence: FelixPresence) {
  if (presence !== 'auto') return { present: presence === 'present', presence: `fib.felix is ${presence}` };
  return object === undefined
    ? { present: false, presence: `there is no FelixConfiguration "default" or "node.${node}", so no Felix` }
    : { present: true, presence: `there is FelixConfiguration "${object}", so there is Felix` };
}

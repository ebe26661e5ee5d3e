/** What of the resources, beside Services and EndpointSlices, decides how services are advertised. It seldom changes. */
import type { ClusterView } from '../resources/cluster-view.ts';

/** `strict`: as Calico does it. `mended`: without what is wrong with that. */
export type ServiceMode = 'mended' | 'strict';

export interface ServiceContext {
  readonly mode: ServiceMode;
  /** Name of this node. */
  readonly node: string;
}

/** Reads the context of a node. Returns `previous` where nothing is different, so that it can be compared by identity. */
export function serviceContext(
  _view: ClusterView,
  node: { readonly name: string },
  mode: ServiceMode,
  previous?: ServiceContext,
): ServiceContext {
  return previous ?? { mode, node: node.name };
}

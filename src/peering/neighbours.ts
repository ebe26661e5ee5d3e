/** From the resources to the neighbours this node should have. */
import type { ClusterView } from '../resources/cluster-view.ts';
import { PeeringComputer } from './peering-computer.ts';
import type { Peering } from './peering.ts';
import type { NodeIdentity } from './self.ts';

/** The neighbours that node `identity.name` should have. The same view gives the same answer, in the same order. */
export function neighbours(view: ClusterView, identity: NodeIdentity): Peering {
  return new PeeringComputer().compute(view, identity);
}

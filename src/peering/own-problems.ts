/** What is wrong with this node as a BGP speaker, or with a rule that gives it nobody. */
import type { PeeringProblem } from './problem.ts';
import type { Rule } from './rules.ts';
import type { Self } from './self.ts';

/** A node without an address can hardly peer. */
export function addressProblems(self: Self): PeeringProblem[] {
  if (self.addresses.ipv4 !== undefined || self.addresses.ipv6 !== undefined) return [];
  const listens = self.listen.addresses.length > 0 ? '' : ', and with bindMode NodeIP no neighbour can connect to it';
  const message = `The Node has neither ipv4Address nor ipv6Address: it takes no part in the node-to-node mesh, the kernel chooses the source address of its sessions${listens}. Set one of them.`;
  return [{ resource: `Node ${self.name}`, field: 'bgp', message }];
}

/** A peerSelector that finds nobody is a mistake, as a label that was taken away, unless it is about this node alone. */
export function withoutNeighbours(rule: Rule): readonly PeeringProblem[] {
  if (rule.ends !== 'nodes' || rule.peer === undefined || rule.reverse || rule.isMutual) return [];
  const message = `No node that it selects is a neighbour of this node by it. Correct it or the labels of the nodes; starling peer explain ${rule.peer.metadata.name} says why each is not.`;
  return [{ resource: rule.source, field: 'peerSelector', message }];
}

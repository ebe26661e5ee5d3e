/** What a node knows of itself better than its Node resource. */
import { applyChanges } from '../resources/cluster-view.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Node } from '../resources/kinds/node.ts';
import { parseResource } from '../resources/parse-resource.ts';

/** Fields of the Node that count in place of its own; absent ones stay, null removes. */
export interface NodeOverlay {
  /** With the length of its subnet. */
  readonly ipv4Address?: string | null;
  readonly ipv6Address?: string | null;
  readonly asNumber?: number;
}

/** The Node with the overlay; a new one where there is none and the overlay says anything. */
export function overlaidNode(node: Node | undefined, name: string, overlay: NodeOverlay): Node | undefined {
  const values = Object.entries(overlay).filter(([, value]) => value !== undefined);
  if (values.length === 0) return node;
  const given = Object.fromEntries(values.filter(([, value]) => value !== null));
  if (node === undefined) return Object.keys(given).length === 0 ? undefined : newNode(name, given);
  const bgp = { ...node.spec.bgp, ...overlay };
  const kept = Object.fromEntries(Object.entries(bgp).filter(([, value]) => value !== null && value !== undefined));
  return { ...node, spec: { ...node.spec, bgp: kept } };
}

/** The view in which the Node of this name has the overlay. */
export function withOwnNode(view: ClusterView, name: string, overlay: NodeOverlay): ClusterView {
  const node = view.get('Node', name);
  const resource = overlaidNode(node, name, overlay);
  return resource === undefined || resource === node ? view : applyChanges(view, [{ type: 'upsert', resource }]);
}

function newNode(name: string, bgp: object): Node | undefined {
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name }, spec: { bgp } });
  return parsed.ok && parsed.resource.kind === 'Node' ? parsed.resource : undefined;
}

/**
 * The blocks of nodes where pods have their addresses from the pod CIDRs of their Nodes, and not from Calico's IPAM: the same
 * BlockAffinities that Calico makes of them.
 */
import { CALICO_API_VERSION } from '../resources/kind-definition.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { isJsonObject } from '../resources/resource.ts';
import { keyOf } from './contents.ts';
import type { Contents } from './contents.ts';
import type { RawItem } from './raw-item.ts';

/** The blocks of the Node that an item holds. */
export function podCidrBlocks({ key: node, place, value }: RawItem): RawItem[] {
  const spec = isJsonObject(value) && isJsonObject(value['spec']) ? value['spec'] : {};
  const cidrs = Array.isArray(spec['podCIDRs']) ? spec['podCIDRs'] : [spec['podCIDR']];
  return cidrs
    .filter((cidr) => typeof cidr === 'string')
    .map((cidr) => ({ key: nameOf(node, cidr), place, value: blockOf(node, cidr) }));
}

/** The same resources, but for the BlockAffinities: those that the pod CIDRs of the Nodes make, and no others. */
export function withPodCidrBlocks(resources: Contents['resources']): Contents['resources'] {
  const others = [...resources].filter(([, { kind }]) => kind !== 'BlockAffinity');
  const blocks = others.flatMap(([, resource]) => (resource.kind === 'Node' ? blocksOf(resource) : []));
  return new Map([...others, ...blocks.map((block) => [keyOf(block), block] as const)]);
}

function blocksOf({ metadata: { name }, status }: Extract<AnyResource, { kind: 'Node' }>): AnyResource[] {
  return (status?.podCIDRs ?? []).flatMap((cidr) => {
    const parsed = parseResource(blockOf(name, cidr));
    return parsed.ok ? [parsed.resource] : [];
  });
}

function blockOf(node: string, cidr: string): object {
  const spec = { state: 'confirmed', node, cidr };
  return { apiVersion: CALICO_API_VERSION, kind: 'BlockAffinity', metadata: { name: nameOf(node, cidr) }, spec };
}

function nameOf(node: string, cidr: string): string {
  return `${node}-${cidr.replaceAll(/[.:/]/g, '-')}`;
}

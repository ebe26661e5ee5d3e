/**
 * The blocks of a node where its pods have their addresses from the pod CIDRs of its Node, and not from Calico's IPAM: the same
 * BlockAffinities that Calico makes of them.
 */
import { CALICO_API_VERSION } from '../../resources/kind-definition.ts';
import { isJsonObject } from '../../resources/resource.ts';
import type { RawItem } from '../resource-collector.ts';

/** The blocks of the Node that an item holds. */
export function podCidrBlocks({ key: node, place, value }: RawItem): RawItem[] {
  const spec = isJsonObject(value) && isJsonObject(value['spec']) ? value['spec'] : {};
  const cidrs = Array.isArray(spec['podCIDRs']) ? spec['podCIDRs'] : [spec['podCIDR']];
  return cidrs
    .filter((cidr) => typeof cidr === 'string')
    .map((cidr) => {
      const name = `${node}-${cidr.replaceAll(/[.:/]/g, '-')}`;
      const block = { state: 'confirmed', node, cidr };
      return {
        key: name,
        place,
        value: { apiVersion: CALICO_API_VERSION, kind: 'BlockAffinity', metadata: { name }, spec: block },
      };
    });
}

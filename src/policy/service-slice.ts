/** Where a Service is served, of one EndpointSlice. */
import { tryParseAddress, canonicalAddress } from '../net/address.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import { protocolNumber } from '../net/protocols.ts';
import type { EndpointPort } from './endpoint.ts';

/** Says of which Service of its namespace a slice is. */
const SERVICE_NAME = 'kubernetes.io/service-name';

export interface ServedAt {
  /** Of the slice, one of a kind. */
  readonly key: string;
  /** `namespace/name` of the Service. */
  readonly service: string;
  readonly addresses: readonly string[];
  /** At each of the addresses. */
  readonly ports: readonly Omit<EndpointPort, 'name'>[];
}

/** Undefined where it is of no Service, or of names instead of addresses. Whether endpoints are ready is not looked at. */
export function serviceSlice({ metadata, spec }: ResourceOf<'EndpointSlice'>): ServedAt | undefined {
  const { name, namespace = '', labels } = metadata;
  const service = labels[SERVICE_NAME];
  if (service === undefined || spec.addressType === 'FQDN') return undefined;
  const addresses = spec.endpoints.flatMap((endpoint) => endpoint.addresses ?? []);
  return {
    key: `EndpointSlice ${namespace}/${name}`,
    service: `${namespace}/${service}`,
    addresses: [...new Set(addresses.filter((text) => tryParseAddress(text) !== undefined).map(canonicalAddress))],
    ports: (spec.ports ?? []).map(({ protocol, port }) => ({ protocol: protocolNumber(protocol), port })),
  };
}

/** Services as the daemon tells of them: one advertised, one that waits for an endpoint, one without addresses. */
import type { RouteEntry } from '../../src/api/route-types.ts';
import type { ServiceAddressReport } from '../../src/api/service-address-types.ts';
import type { ServiceExplanationReport, ServiceReport } from '../../src/api/service-types.ts';

export const RULE = 'ServiceAdvertisement "rack-a"';

export function serviceAddress(address: string, more: Partial<ServiceAddressReport> = {}): ServiceAddressReport {
  return {
    address,
    kind: 'LoadBalancerIP',
    state: 'advertised',
    prefix: `${address}/${address.includes(':') ? 128 : 32}`,
    coveredBy: null,
    rule: RULE,
    words: '2 ready endpoints are on this node.',
    until: null,
    ...more,
  };
}

/** `ns/name` with its addresses. */
export function service(key: string, addresses: readonly ServiceAddressReport[]): ServiceReport {
  const [namespace, name] = key.split('/');
  const advertised = addresses.some(({ state }) => !['no', 'waiting', 'withheld'].includes(state));
  return { namespace, name, type: 'LoadBalancer', advertised, addresses: [...addresses] };
}

const CLUSTER_IP = serviceAddress('10.96.0.10', {
  kind: 'ClusterIP',
  state: 'covered',
  prefix: null,
  coveredBy: '10.96.0.0/12',
  rule: 'BGPConfiguration "default"',
  words: 'The range 10.96.0.0/12 of serviceClusterIPs is advertised.',
});

export const SERVICES: readonly ServiceReport[] = [
  service('shop/web', [serviceAddress('203.0.113.10'), CLUSTER_IP]),
  service('shop/api', [
    serviceAddress('203.0.113.11', {
      state: 'waiting',
      prefix: null,
      words: 'It waits for a ready IPv4 endpoint on this node.',
    }),
  ]),
  service('default/headless', []),
];

const TOLD: RouteEntry = {
  prefix: '203.0.113.10/32',
  family: 'ipv4-unicast',
  nextHop: '10.0.0.1',
  asPath: '64512',
  origin: 'igp',
  med: 10,
  communities: ['64512:1'],
  peer: '10.0.0.254',
  source: 'local',
  origination: 'service',
  best: true,
  multipath: false,
};

export const SERVICE_EXPLANATION: ServiceExplanationReport = {
  ...SERVICES[0],
  addresses: [
    {
      ...serviceAddress('203.0.113.10'),
      peers: [
        {
          peer: '10.0.0.254',
          name: 'tor-a',
          advertised: true,
          role: 'primary',
          told: TOLD,
          why: 'accepted as own service route',
        },
        {
          peer: 'fe80::2%eth0',
          name: 'node-2',
          advertised: false,
          role: null,
          told: null,
          why: `${RULE} does not pick this peer`,
        },
      ],
    },
    {
      ...CLUSTER_IP,
      peers: [
        {
          peer: '10.0.0.254',
          name: 'tor-a',
          advertised: true,
          role: 'primary',
          told: { ...TOLD, prefix: '10.96.0.0/12', med: 0, communities: [] },
          why: 'accepted as own service route',
        },
      ],
    },
  ],
  endpoints: [
    {
      family: 'IPv4',
      here: { ready: 2, serving: 1, all: 3 },
      zone: { ready: 4, serving: 1, all: 6 },
      cluster: { ready: 9, serving: 0, all: 12 },
    },
  ],
  rules: [{ rule: RULE, applies: true, words: 'its serviceSelector picks the service' }],
  merged: ['communities: 64512:1 of one'],
};

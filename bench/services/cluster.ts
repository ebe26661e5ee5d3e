/** A cluster with many Services, as the Kubernetes API has it: each with endpoints on several nodes, one of them the daemon's. */
import { DUT_ADDRESS, DUT_ASN, SUBNET_LENGTH } from '../plan.ts';

/** An object of the API. */
export type Manifest = Readonly<Record<string, unknown>>;

/** The daemon's node. */
export const NODE = 'node-0';

/** Endpoints of each Service. */
const ENDPOINTS = 5;

/** The range of all addresses of load balancers. */
const RANGE = '10.64.0.0/12';

/** The address of a load balancer for a Service by its number, from 0 on. */
export function serviceAddress(index: number): string {
  return `10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
}

function uid(kind: number, index: number): string {
  return `${kind.toString(16).padStart(8, '0')}-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;
}

/** A load balancer's Service whose traffic is to stay on the node that it comes to. */
function service(index: number): Manifest {
  const clusterIP = `10.112.${index >> 8}.${index & 255}`;
  return {
    metadata: {
      name: `service-${index}`,
      namespace: `team-${index % 100}`,
      uid: uid(1, index),
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: `app-${index}`, tier: index % 2 === 0 ? 'front' : 'back' },
    },
    spec: {
      type: 'LoadBalancer',
      clusterIP,
      clusterIPs: [clusterIP],
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, nodePort: 30_000 }],
      selector: { app: `app-${index}` },
      sessionAffinity: 'None',
    },
    status: { loadBalancer: { ingress: [{ ip: serviceAddress(index), ipMode: 'VIP' }] } },
  };
}

/** The endpoints of a Service; that on the daemon's node is ready or not. */
export function slice(index: number, ready: boolean, revision: number): Manifest {
  return {
    metadata: {
      name: `service-${index}-abcde`,
      generateName: `service-${index}-`,
      namespace: `team-${index % 100}`,
      uid: uid(2, index),
      resourceVersion: String(revision),
      generation: revision,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: {
        app: `app-${index}`,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': `service-${index}`,
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: `service-${index}`, uid: uid(1, index) }],
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: ENDPOINTS }, (_, number) => {
      const isUp = number > 0 || ready;
      return {
        addresses: [`10.${128 + number}.${index >> 8}.${index & 255}`],
        conditions: { ready: isUp, serving: isUp, terminating: false },
        nodeName: number === 0 ? NODE : `node-${1 + ((index + number) % 100)}`,
        targetRef: {
          kind: 'Pod',
          name: `app-${index}-${number}`,
          namespace: `team-${index % 100}`,
          uid: uid(3, number),
        },
        zone: `zone-${number % 3}`,
      };
    }),
  };
}

function calico(kind: string, name: string, spec: object): Manifest {
  return { apiVersion: 'crd.projectcalico.org/v1', kind, metadata: { name, resourceVersion: '1' }, spec };
}

/** All objects of the cluster by the path of their collection; `peer` is a neighbour of the daemon. */
export function contents(
  services: number,
  peer: { readonly address: string; readonly asn: number },
): ReadonlyMap<string, readonly Manifest[]> {
  const all = Array.from({ length: services }, (_, index) => index);
  const annotations = { 'projectcalico.org/IPv4Address': `${DUT_ADDRESS}/${SUBNET_LENGTH}` };
  const calicos = '/apis/crd.projectcalico.org/v1';
  const settings = { nodeToNodeMeshEnabled: false, asNumber: DUT_ASN, serviceLoadBalancerIPs: [{ cidr: RANGE }] };
  return new Map<string, readonly Manifest[]>([
    ['/api/v1/nodes', [{ metadata: { name: NODE, annotations, labels: {}, resourceVersion: '1' }, spec: {} }]],
    ['/api/v1/services', all.map(service)],
    ['/apis/discovery.k8s.io/v1/endpointslices', all.map((index) => slice(index, true, 1))],
    [`${calicos}/bgpconfigurations`, [calico('BGPConfiguration', 'default', settings)]],
    [`${calicos}/bgppeers`, [calico('BGPPeer', 'peer', { peerIP: peer.address, asNumber: peer.asn })]],
  ]);
}

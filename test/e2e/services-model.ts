/** Services and their endpoints as a test wants them, and what the API server and kube-proxy make of them. */
import type { Manifest } from '../support/kube-api.ts';
import type { ProxyAddress } from './services-proxy.ts';
import { SERVICE_PORT } from './services-traffic.ts';
import type { PodPlace } from './services-traffic.ts';

export const NAMESPACE = 'default';

/** A pod, and the node on which it runs. */
export interface Pod extends PodPlace {
  readonly nodeName: string;
  readonly zone: string;
}

/** A pod that a service sends requests to. */
export interface Endpoint {
  readonly pod: Pod;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Where only one of its addresses is meant. */
  readonly family?: 'IPv4' | 'IPv6';
}

export const ready = (pod: Pod): Endpoint => ({ pod, ready: true, serving: true, terminating: false });
export const notReady = (pod: Pod): Endpoint => ({ pod, ready: false, serving: false, terminating: false });
/** It has been told to end, and still answers. */
export const terminating = (pod: Pod): Endpoint => ({ pod, ready: false, serving: true, terminating: true });

/** A service. Addresses are IPv4, IPv6, or one of each. */
export interface TestService {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly clusterIPs: readonly string[];
  readonly externalIPs?: readonly string[];
  readonly loadBalancerIPs?: readonly string[];
  readonly externalTrafficPolicy?: 'Cluster' | 'Local';
  readonly endpoints: readonly Endpoint[];
}

const isIpv6 = (address: string) => address.includes(':');
const familyOf = (address: string) => (isIpv6(address) ? 'IPv6' : 'IPv4');

/** The Service. Its load balancer's addresses are in its status, which the API server takes separately. */
export function serviceManifest(service: TestService): Manifest & { readonly status: object } {
  const { name, labels = {}, clusterIPs, externalIPs = [], loadBalancerIPs = [], externalTrafficPolicy } = service;
  const type =
    loadBalancerIPs.length > 0 ? 'LoadBalancer' : externalTrafficPolicy === undefined ? 'ClusterIP' : 'NodePort';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: NAMESPACE, labels },
    spec: {
      type,
      clusterIP: clusterIPs[0],
      clusterIPs,
      ipFamilies: clusterIPs.map(familyOf),
      ipFamilyPolicy: clusterIPs.length === 2 ? 'RequireDualStack' : 'SingleStack',
      externalIPs,
      ...(externalTrafficPolicy === undefined ? {} : { externalTrafficPolicy }),
      // Kubernetes 1.20 takes no load balancer with two protocols.
      ports: [{ protocol: 'TCP', port: SERVICE_PORT }],
    },
    status: { loadBalancer: { ingress: loadBalancerIPs.map((ip) => ({ ip })) } },
  };
}

/** Its EndpointSlices: one for each family. */
export function sliceManifests({ name, clusterIPs, endpoints }: TestService): Manifest[] {
  return clusterIPs.map((clusterIP) => {
    const family = familyOf(clusterIP);
    return {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${name}-${family.toLowerCase()}`,
        namespace: NAMESPACE,
        labels: { 'kubernetes.io/service-name': name },
      },
      addressType: family,
      endpoints: endpoints
        .filter((one) => one.family === undefined || one.family === family)
        .map(({ pod, ready, serving, terminating }) => ({
          addresses: pod.addresses.filter((address) => familyOf(address) === family),
          nodeName: pod.nodeName,
          zone: pod.zone,
          conditions: { ready, serving, terminating },
        })),
      ports: [{ protocol: 'TCP', port: SERVICE_PORT }],
    };
  });
}

/** What kube-proxy does for it. */
export function proxyAddresses(service: TestService): ProxyAddress[] {
  const { clusterIPs, externalIPs = [], loadBalancerIPs = [], externalTrafficPolicy } = service;
  const address = (address: string, local: boolean): ProxyAddress => ({
    address,
    local,
    endpoints: service.endpoints
      .filter(({ family }) => family === undefined || family === familyOf(address))
      .map(({ pod, ready, serving, terminating }) => ({ ...pod, ready, serving, terminating })),
  });
  return [
    ...clusterIPs.map((one) => address(one, false)),
    ...[...externalIPs, ...loadBalancerIPs].map((one) => address(one, externalTrafficPolicy === 'Local')),
  ];
}

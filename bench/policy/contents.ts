/** A cluster with network policies, as Calico keeps it in etcd. */
import { numbers } from '../cluster/store.ts';

export const NODE = 'node-0';

/** How large it is. */
export interface PolicySize {
  /** Workloads on the node, and on all others. */
  readonly local: number;
  readonly remote: number;
  readonly policies: number;
  /** Values of the label `app`, each in one namespace: of so many, rules pick workloads. */
  readonly apps: number;
}

const NAMESPACES = 100;
/** Values of the label `tier`, by which the policies of the cluster pick. */
const TIERS = 50;
/** One in so many policies is one of the cluster. */
const GLOBAL = 20;
const PODS_PER_NODE = 100;

/** A key and its value. */
export type Entry = readonly [key: string, value: object];

export interface Workload {
  readonly number: number;
  readonly isLocal: boolean;
  readonly address: string;
  readonly app: number;
  /** A label that no selector asks for. */
  readonly version?: number;
}

/** Addresses of workloads: `part` is what tells numbers apart that mean different ones. */
export function addressOf(part: number, number: number): string {
  return `10.${part + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
}

export function workload(number: number, isLocal: boolean, { apps }: PolicySize): Workload {
  return { number, isLocal, address: addressOf(isLocal ? 60 : 64, number), app: number % apps };
}

export function interfaceOf({ number }: Workload): string {
  return `cali${number.toString(16).padStart(11, '0')}`;
}

/** As the network plug-in writes it. */
export function endpointEntry(of: Workload): Entry {
  const { number, isLocal, address, app, version = 0 } = of;
  const namespace = `team-${app % NAMESPACES}`;
  const node = isLocal ? NODE : `node-${1 + Math.floor(number / PODS_PER_NODE)}`;
  const pod = `${isLocal ? 'near' : 'far'}-${number}-5d9c7b8f4d-${(number * 7919).toString(36).padStart(5, 'x')}`;
  const name = `${node.replace('-', '--')}-k8s-${pod.replaceAll('-', '--')}-eth0`;
  const labels = {
    app: `app-${app}`,
    tier: `t${number % TIERS}`,
    version: `v${version}`,
    'projectcalico.org/namespace': namespace,
    'projectcalico.org/orchestrator': 'k8s',
    'projectcalico.org/serviceaccount': 'default',
  };
  const spec = {
    orchestrator: 'k8s',
    node,
    containerID: '4ba5ae9a4d2bd2d5a2f1c6b9f6c5b1f0e9d8c7b6a5948372615041302f1e0d9c',
    pod,
    endpoint: 'eth0',
    serviceAccountName: 'default',
    ipNetworks: [`${address}/32`],
    profiles: [`kns.${namespace}`, `ksa.${namespace}.default`],
    interfaceName: interfaceOf(of),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  };
  return entry('workloadendpoints', 'WorkloadEndpoint', { name, namespace, labels }, spec);
}

interface Named {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: object;
}

function entry(plural: string, kind: string, metadata: Named, spec: object): Entry {
  const { name, namespace } = metadata;
  const path = [plural, namespace, name].filter((part) => part !== undefined).join('/');
  const key = `/calico/resources/v3/projectcalico.org/${path}`;
  return [key, { apiVersion: 'projectcalico.org/v3', kind, metadata, spec }];
}

/** Within a namespace, an app may be reached by another one, and reach a third. */
function policy(number: number, { apps }: PolicySize): Entry {
  const app = number % apps;
  const peer = (distance: number) => {
    const other = (app + NAMESPACES * (distance + Math.floor(number / apps))) % apps;
    return { selector: `app == 'app-${other}'` };
  };
  const spec = {
    order: 100 + (number % 10),
    selector: `app == 'app-${app}'`,
    types: ['Ingress', 'Egress'],
    ingress: [{ action: 'Allow', protocol: 'TCP', source: peer(1), destination: { ports: [8080, '9000:9010'] } }],
    egress: [
      { action: 'Allow', protocol: 'TCP', destination: { ...peer(2), ports: [8080] } },
      { action: 'Allow', protocol: 'UDP', destination: { ports: [53] } },
    ],
  };
  return entry(
    'networkpolicies',
    'NetworkPolicy',
    { name: `p-${number}`, namespace: `team-${app % NAMESPACES}` },
    spec,
  );
}

function globalPolicy(number: number): Entry {
  const source = { selector: `tier == 't${number % 10}'` };
  const spec = {
    order: 10 + (number % 10),
    selector: `tier == 't${number % TIERS}'`,
    types: ['Ingress'],
    ingress: [{ action: 'Allow', protocol: 'TCP', source, destination: { ports: [9100] } }],
  };
  return entry('globalnetworkpolicies', 'GlobalNetworkPolicy', { name: `g-${number}` }, spec);
}

function profile(number: number): Entry {
  const name = `kns.team-${number}`;
  const allow = [{ action: 'Allow' }];
  const labelsToApply = { 'pcns.projectcalico.org/name': `team-${number}` };
  return entry('profiles', 'Profile', { name }, { ingress: allow, egress: allow, labelsToApply });
}

/** All keys with their values. */
export function contents(size: PolicySize): Entry[] {
  const ofCluster = Math.floor(size.policies / GLOBAL);
  return [
    entry('ippools', 'IPPool', { name: 'pods' }, { cidr: '10.0.0.0/8', natOutgoing: true }),
    ...numbers(NAMESPACES).map(profile),
    ...numbers(ofCluster).map(globalPolicy),
    ...numbers(size.policies - ofCluster).map((number) => policy(number, size)),
    ...numbers(size.local).map((number) => endpointEntry(workload(number, true, size))),
    ...numbers(size.remote).map((number) => endpointEntry(workload(number, false, size))),
  ];
}

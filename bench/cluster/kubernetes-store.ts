/** The cluster in a Kubernetes API server. */
import { hostnameHash } from '../../src/datastore/kubernetes/api-resources.ts';
import { defineCalico, object } from '../../test/e2e/kubernetes-fixture.ts';
import { findKubeApiServer, startKubeApi } from '../../test/support/kube-api.ts';
import type { KubeApi, Manifest } from '../../test/support/kube-api.ts';
import { DAEMON, POOL, blockCidr, clusterNode } from './nodes.ts';
import type { ClusterNode } from './nodes.ts';
import { CLUSTER_SETTINGS, inParallel, numbers } from './store.ts';
import type { ClusterSize, ClusterStore } from './store.ts';

const CALICO = 'crd.projectcalico.org/v1';
/** Container images that a kubelet tells of; by default it would tell of up to 50. */
const IMAGES = 25;
const MERGE = 'application/merge-patch+json';

const addressAnnotation = (address: string) => ({ 'projectcalico.org/IPv4Address': `${address}/24` });

/** With the status that a kubelet writes: most of what the server has to say of a node. */
function nodeManifest({ name, address }: ClusterNode): Manifest {
  const condition = (type: string) => ({
    type,
    status: type === 'Ready' ? 'True' : 'False',
    lastHeartbeatTime: '2026-01-01T00:00:00Z',
    lastTransitionTime: '2026-01-01T00:00:00Z',
    reason: `KubeletHas${type}`,
    message: `kubelet has no trouble with ${type}`,
  });
  const resources = { cpu: '16', memory: '65536000Ki', pods: '110', 'ephemeral-storage': '103880232Ki' };
  const status = {
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
    ],
    capacity: resources,
    allocatable: resources,
    conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map(condition),
    images: numbers(IMAGES).map((index) => ({
      names: [`registry.example/project/image-${index}@sha256:${'0123456789abcdef'.repeat(4)}`],
      sizeBytes: 100_000_000 + index,
    })),
  };
  const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'topology.kubernetes.io/zone': 'a' };
  return object('v1', 'Node', name, { status }, { labels, annotations: addressAnnotation(address) });
}

function affinity(node: string, cidr: string): Manifest {
  const labels = { 'projectcalico.org/hostname-hash': hostnameHash(node) };
  const spec = { state: 'confirmed', node, cidr, deleted: 'false' };
  return object(CALICO, 'BlockAffinity', `${node}-${cidr.replaceAll(/[./]/g, '-')}`, { spec }, { labels });
}

const NODES = '/api/v1/nodes';
const AFFINITIES = `/apis/${CALICO}/blockaffinities`;

/** Throws where the server refuses. */
async function ask(kube: KubeApi, method: string, path: string, body?: object, type?: string): Promise<void> {
  const answer = await kube.request(method, path, body, type);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status}: ${JSON.stringify(answer.body)}`);
}

async function fill(kube: KubeApi, { nodes, blocksPerNode }: ClusterSize): Promise<void> {
  await kube.define('discovery.k8s.io', 'v1', { kind: 'EndpointSlice', plural: 'endpointslices' });
  await defineCalico(kube, ...(CALICO.split('/') as [string, string]));
  await kube.apply(object(CALICO, 'BGPConfiguration', 'default', { spec: CLUSTER_SETTINGS }));
  await kube.apply(object(CALICO, 'IPPool', 'pods', { spec: { cidr: POOL } }));
  const all = numbers(nodes).map((number) => (number === 0 ? DAEMON : clusterNode(number)));
  const manifests = all.flatMap((node, number) => [
    { path: NODES, manifest: nodeManifest(node) },
    ...numbers(blocksPerNode).map((index) => ({
      path: AFFINITIES,
      manifest: affinity(node.name, blockCidr(number * blocksPerNode + index)),
    })),
  ]);
  await inParallel(manifests, 16, ({ path, manifest }) => ask(kube, 'POST', path, manifest));
}

/** Starts the API server, and fills it. */
export async function startKubernetesStore(size: ClusterSize): Promise<ClusterStore> {
  const kube = await startKubeApi(findKubeApiServer().path ?? '', []);
  try {
    await fill(kube, size);
  } catch (error) {
    await kube[Symbol.asyncDispose]();
    throw error;
  }
  const patch = (number: number, metadata: object) =>
    ask(kube, 'PATCH', `${NODES}/${clusterNode(number).name}`, { metadata }, MERGE);
  return {
    port: Number(new URL(kube.server).port),
    settings: {
      type: 'kubernetes',
      kubernetes: { kubeconfig: kube.kubeconfig('admin.yaml', { token: 'admin-token' }) },
    },
    label: (number, value) => patch(number, { labels: { 'example.com/changed': value } }),
    move: (number, address) => patch(number, { annotations: addressAnnotation(address) }),
    addBlock: (cidr) => ask(kube, 'POST', AFFINITIES, affinity(DAEMON.name, cidr)),
    removeBlock: (cidr) => ask(kube, 'DELETE', `${AFFINITIES}/${affinity(DAEMON.name, cidr).metadata.name}`),
    [Symbol.asyncDispose]: () => kube[Symbol.asyncDispose](),
  };
}

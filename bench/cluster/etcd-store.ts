/** The cluster in etcd, as Calico keeps it there. */
import { startEtcd } from '../../test/support/etcd.ts';
import { createScratch } from '../../test/support/scratch.ts';
import { DAEMON, POOL, blockCidr, clusterNode } from './nodes.ts';
import { CLUSTER_SETTINGS, inParallel, numbers } from './store.ts';
import type { ClusterSize, ClusterStore } from './store.ts';

/** Keys written in one transaction, of the 128 that etcd allows. */
const BATCH = 100;

const keyOf = (plural: string, name: string) => `/calico/resources/v3/projectcalico.org/${plural}/${name}`;

const blockKey = (node: string, cidr: string) => `/calico/ipam/v2/host/${node}/ipv4/block/${cidr.replace('/', '-')}`;

function resource(kind: string, name: string, spec: object, labels: object = {}): object {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: { name, labels }, spec };
}

/** As calico-node and the controller for nodes write it. */
function node(number: number, address: string, labels: object = {}): object {
  const { name } = number === 0 ? DAEMON : clusterNode(number);
  const common = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'topology.kubernetes.io/zone': 'a' };
  const spec = {
    addresses: [{ address: `${address}/24`, type: 'CalicoNodeIP' }],
    bgp: { ipv4Address: `${address}/24` },
    orchRefs: [{ nodeName: name, orchestrator: 'k8s' }],
  };
  return resource('Node', name, spec, { ...common, ...labels });
}

const BLOCK = { state: 'confirmed', deleted: 'false' };

/** All keys of the cluster with their values. */
function contents({ nodes, blocksPerNode }: ClusterSize): [string, object][] {
  const names = numbers(nodes).map((number) => (number === 0 ? DAEMON : clusterNode(number)));
  return [
    [keyOf('bgpconfigurations', 'default'), resource('BGPConfiguration', 'default', CLUSTER_SETTINGS)],
    [keyOf('ippools', 'pods'), resource('IPPool', 'pods', { cidr: POOL })],
    ...names.map(({ name, address }, number): [string, object] => [keyOf('nodes', name), node(number, address)]),
    ...names.flatMap(({ name }, number) =>
      numbers(blocksPerNode).map((index): [string, object] => [
        blockKey(name, blockCidr(number * blocksPerNode + index)),
        BLOCK,
      ]),
    ),
  ];
}

/** Starts etcd, and fills it. */
export async function startEtcdStore(size: ClusterSize): Promise<ClusterStore> {
  const scratch = createScratch('cluster');
  const etcd = await startEtcd({ directory: scratch.path });
  const all = contents(size);
  const batches = numbers(Math.ceil(all.length / BATCH)).map((index) => all.slice(index * BATCH, (index + 1) * BATCH));
  await inParallel(batches, 4, (batch) => etcd.putAll(Object.fromEntries(batch)));
  const putNode = (number: number, address: string, labels?: object) =>
    etcd.put(keyOf('nodes', clusterNode(number).name), node(number, address, labels));
  return {
    port: etcd.port,
    settings: { type: 'etcd', etcd: { endpoints: [etcd.url] } },
    label: (number, value) => putNode(number, clusterNode(number).address, { 'example.com/changed': value }),
    move: (number, address) => putNode(number, address),
    addBlock: (cidr) => etcd.put(blockKey(DAEMON.name, cidr), BLOCK),
    removeBlock: (cidr) => etcd.delete(blockKey(DAEMON.name, cidr)),
    async [Symbol.asyncDispose]() {
      await etcd[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

/** Where the daemons of a fabric read its resources: files, etcd with files beside it, or an API server. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startEtcd } from '../support/etcd.ts';
import type { KubeApi, Manifest } from '../support/kube-api.ts';
import { startKubeApi } from '../support/kube-api.ts';
import { createScratch } from '../support/scratch.ts';
import { defineCalico } from './kubernetes-fixture.ts';
import { serviceManifest, sliceManifests } from './services-model.ts';
import type { TestService } from './services-model.ts';

/** A datastore. */
export interface Store extends AsyncDisposable {
  /** What a daemon is told of it. */
  readonly settings: object;
  /** Port of the loopback interface at which daemons reach it; none for files. */
  readonly port?: number;
  /** Makes resources of Calico or Starling, or changes those that are there. */
  apply(...resources: readonly Manifest[]): Promise<void>;
  /** Has just these services, with their endpoints. */
  replaceServices(services: readonly TestService[]): Promise<void>;
}

/** Replaces a file as editors do. */
function replaceFile(path: string, resources: readonly object[]): void {
  writeFileSync(`${path}.new~`, resources.map((one) => stringify(one)).join('---\n'));
  renameSync(`${path}.new~`, path);
}

function writeServices(folder: string, services: readonly TestService[]): void {
  replaceFile(join(folder, 'services.yaml'), services.map(serviceManifest));
  replaceFile(join(folder, 'slices.yaml'), services.flatMap(sliceManifests));
}

const fileName = ({ kind, metadata }: Manifest) => `${kind}-${metadata.name}.yaml`;

/** Files: one for each resource, one for all services, and one for all slices, which change as one. */
export function fileStore(): Store {
  const scratch = createScratch('services');
  const folder = join(scratch.path, 'resources');
  mkdirSync(folder);
  return {
    settings: { type: 'file', file: { path: folder }, cache: '' },
    async apply(...resources) {
      for (const one of resources) replaceFile(join(folder, fileName(one)), [one]);
    },
    async replaceServices(services) {
      writeServices(folder, services);
    },
    async [Symbol.asyncDispose]() {
      scratch[Symbol.dispose]();
    },
  };
}

/** The key of a resource, as Calico writes it. */
function etcdKey({ apiVersion, kind, metadata, spec }: Manifest): string {
  if (kind === 'BlockAffinity') {
    const { node, cidr } = spec as { node: string; cidr: string };
    return `/calico/ipam/v2/host/${node}/ipv${cidr.includes(':') ? 6 : 4}/block/${cidr.replace('/', '-')}`;
  }
  const group = apiVersion.split('/')[0];
  return `/calico/resources/v3/${group}/${kind.toLowerCase()}s/${metadata.name}`;
}

/** etcd, with Kubernetes' objects in files. */
export async function etcdStore(): Promise<Store> {
  const scratch = createScratch('services');
  const folder = join(scratch.path, 'manifests');
  mkdirSync(folder);
  const etcd = await startEtcd({ directory: scratch.path });
  const etcdSettings = { endpoints: [etcd.url], manifestsPath: folder };
  return {
    settings: { type: 'etcd', etcd: etcdSettings, cache: '' },
    port: etcd.port,
    async apply(...resources) {
      const value = (one: Manifest) => (one.kind === 'BlockAffinity' ? { state: 'confirmed', deleted: 'false' } : one);
      await etcd.putAll(Object.fromEntries(resources.map((one) => [etcdKey(one), value(one)])));
    },
    async replaceServices(services) {
      writeServices(folder, services);
    },
    async [Symbol.asyncDispose]() {
      await etcd[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

/** An API server of Kubernetes with all resources. */
export async function kubernetesStore(program: string): Promise<Store & { readonly kube: KubeApi }> {
  const kube = await startKubeApi(program, []);
  const definitions = [
    defineCalico(kube, 'projectcalico.org', 'v3'),
    kube.define('discovery.k8s.io', 'v1', { kind: 'EndpointSlice', plural: 'endpointslices' }),
    kube.define('starling.dev', 'v1alpha1', { kind: 'ServiceAdvertisement', plural: 'serviceadvertisements' }),
  ];
  await Promise.all(definitions);
  let known = new Map<string, string>();
  return {
    kube,
    settings: {
      type: 'kubernetes',
      kubernetes: { kubeconfig: kube.kubeconfig('admin.yaml', { token: 'admin-token' }) },
      cache: '',
    },
    port: Number(new URL(kube.server).port),
    async apply(...resources) {
      await Promise.all(resources.map((one) => kube.apply(one.kind === 'Node' ? kubernetesNode(one) : one)));
    },
    async replaceServices(services) {
      const wanted = new Map(services.flatMap((one) => [serviceManifest(one), ...sliceManifests(one)]).map(keyed));
      const gone = [...known].filter(([key]) => !wanted.has(key));
      const changed = [...wanted].filter(([key, text]) => known.get(key) !== text);
      await Promise.all(changed.map(([, text]) => applyWithStatus(kube, JSON.parse(text) as Manifest)));
      await Promise.all(gone.map(([, text]) => kube.delete(JSON.parse(text) as Manifest)));
      known = wanted;
    },
    [Symbol.asyncDispose]: () => kube[Symbol.asyncDispose](),
  };
}

const keyed = (one: Manifest): [string, string] => [`${one.kind} ${one.metadata.name}`, JSON.stringify(one)];

/** The status of a Service is written separately. */
async function applyWithStatus(kube: KubeApi, manifest: Manifest): Promise<void> {
  await kube.apply(manifest);
  const { name, namespace } = manifest.metadata;
  if (manifest.kind !== 'Service') return;
  const path = `/api/v1/namespaces/${namespace}/services/${name}/status`;
  await kube.request('PATCH', path, { status: manifest['status'] }, 'application/merge-patch+json');
}

/** A Node of Calico as Kubernetes has it. */
function kubernetesNode({ metadata, spec }: Manifest): Manifest {
  const { asNumber, ipv4Address, ipv6Address } = (spec as { bgp: Record<string, string | number> }).bgp;
  const annotations = {
    'projectcalico.org/ASNumber': String(asNumber),
    'projectcalico.org/IPv4Address': ipv4Address,
    'projectcalico.org/IPv6Address': ipv6Address,
  };
  return { apiVersion: 'v1', kind: 'Node', metadata: { ...metadata, annotations } };
}

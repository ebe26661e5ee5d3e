/** The datastore that the configuration asks for. What the others need is not even loaded. */
import { readFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import type { Kind } from '../resources/kinds.ts';
import { isJsonObject } from '../resources/resource.ts';
import { cacheKey } from './cache-secrets.ts';
import { DatastoreError, reasonOf } from './datastore-error.ts';
import type { Datastore } from './datastore.ts';
import { FileDatastore } from './file-datastore.ts';
import { readKubeconfig } from './kubeconfig.ts';
import type { Purpose } from './purpose.ts';
import { UnlockedDatastore } from './unlocked-datastore.ts';

/** Kinds that Calico's layout of etcd has no place for. */
const NOT_IN_ETCD = {
  routing: ['Secret', 'Service', 'EndpointSlice', 'Namespace'],
  // What else Kubernetes has of policies Calico's controllers write into etcd.
  policy: ['EndpointSlice'],
} as const satisfies Record<Purpose, readonly Kind[]>;

/** As the configuration has it. */
export interface DatastoreSettings {
  readonly type: 'file' | 'etcd' | 'kubernetes';
  readonly file: { readonly path: string };
  readonly etcd: {
    readonly endpoints: readonly string[];
    readonly discoverySrv: string;
    readonly keyFile: string;
    readonly certFile: string;
    readonly caFile: string;
    readonly username: string;
    readonly password: string;
    readonly passwordFile: string;
    readonly manifestsPath: string;
  };
  readonly kubernetes: {
    readonly kubeconfig: string;
    readonly apiGroup: 'auto' | 'projectcalico.org/v3' | 'crd.projectcalico.org/v1';
    /** Counts for manifests in files, too. */
    readonly usePodCidr: boolean;
  };
  readonly cache: string;
  readonly cacheKeyFile: string;
}

/** Whose datastore it is. */
export interface NodeSettings {
  readonly nodeName: string;
  /** Where the Secrets are. */
  readonly namespace: string;
}

/**
 * Makes the datastore; nothing is read yet. For policies there is no last known state on disk: the kernel has it. Rejects with
 * {@link DatastoreError} where a file of the settings can't be read.
 */
export async function createDatastore(
  settings: DatastoreSettings,
  node: NodeSettings,
  purpose: Purpose,
): Promise<Datastore> {
  if (settings.type === 'file') return new FileDatastore(settings.file.path, settings.kubernetes);
  const cached = await caching({ ...settings, ...(purpose === 'policy' && { cache: '' }) }, node);
  if (settings.type === 'kubernetes') {
    const datastore = new UnlockedDatastore(await kubernetes(settings, { ...node, purpose, scope: 'all' }));
    return cached(datastore, 'kubernetes', kubernetesPlaces(settings.kubernetes));
  }
  const { manifestsPath, endpoints, discoverySrv } = settings.etcd;
  const { EtcdDatastore } = await import('./etcd/etcd-datastore.ts');
  const places = endpoints.length > 0 ? endpoints : [`SRV records of ${discoverySrv}`];
  const datastore = new EtcdDatastore({ ...settings.etcd, nodeName: node.nodeName, purpose });
  // Without its kinds of interfaces, HostEndpoints and policies a node would let pass what it should not.
  const unlocked = new UnlockedDatastore(datastore, { unlessWiped: purpose === 'policy' });
  const etcd = cached(unlocked, 'etcd', places);
  if (settings.kubernetes.kubeconfig === '' && manifestsPath === '') return etcd;
  const { CombinedDatastore } = await import('./combined-datastore.ts');
  if (settings.kubernetes.kubeconfig === '') {
    return new CombinedDatastore(etcd, { datastore: new FileDatastore(manifestsPath), kinds: NOT_IN_ETCD[purpose] });
  }
  const companion = await kubernetes(settings, { ...node, purpose, scope: 'companion' });
  if (purpose === 'policy') return new CombinedDatastore(etcd, { datastore: companion });
  return new CombinedDatastore(etcd, {
    datastore: cached(companion, 'kubernetes', kubernetesPlaces(settings.kubernetes)),
    nodeName: node.nodeName,
    wantSecrets: (names) => companion.wantSecrets(names),
  });
}

async function kubernetes(
  { kubernetes: of }: DatastoreSettings,
  wanted: NodeSettings & { readonly purpose: Purpose; readonly scope: 'all' | 'companion' },
) {
  const { KubernetesDatastore } = await import('./kubernetes/kubernetes-datastore.ts');
  return new KubernetesDatastore({ ...of, ...wanted });
}

/** What puts a datastore behind its last known state, where that is wanted. */
async function caching({ cache, cacheKeyFile }: DatastoreSettings, { nodeName }: NodeSettings) {
  const { CachedDatastore } = await import('./cached-datastore.ts');
  const key = cache === '' || cacheKeyFile === '' ? undefined : cacheKey(await readKey(cacheKeyFile));
  return (datastore: Datastore, type: 'etcd' | 'kubernetes', places: readonly string[]): Datastore =>
    cache === ''
      ? datastore
      : new CachedDatastore(datastore, { directory: cache, source: { type, node: nodeName, places }, key });
}

async function readKey(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new DatastoreError(`datastore.cacheKeyFile ${path} can't be read: ${reasonOf(error)}`, { cause: error });
  }
}

/** Names the API server, as far as that can be told without asking it. */
function kubernetesPlaces({ kubeconfig }: DatastoreSettings['kubernetes']): string[] {
  const { KUBECONFIG = '', KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  const paths = (kubeconfig === '' ? KUBECONFIG : kubeconfig).split(delimiter).filter((path) => path !== '');
  if (paths.length === 0) return [`https://${host}:${port}`];
  return paths.map((path) => serverOf(readKubeconfig(path))).filter((server) => server !== undefined);
}

/** The server of the current context of a kubeconfig file. */
function serverOf(document: unknown): string | undefined {
  if (!isJsonObject(document)) return undefined;
  const context = named(document['contexts'], document['current-context'], 'context');
  const server = named(document['clusters'], context?.['cluster'], 'cluster')?.['server'];
  return typeof server === 'string' ? server : undefined;
}

/** The entry of this name in a list of a kubeconfig file. */
function named(list: unknown, name: unknown, field: string) {
  const entries = Array.isArray(list) ? list.filter(isJsonObject) : [];
  const entry = entries.find((item) => item['name'] === name)?.[field];
  return isJsonObject(entry) ? entry : undefined;
}

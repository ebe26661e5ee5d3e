/** A datastore on a real API server, and what its listener hears. */
import { isDeepStrictEqual } from 'node:util';
import type { DatastoreStatus, SourcedProblem } from '../../src/datastore/datastore.ts';
import { KubernetesDatastore } from '../../src/datastore/kubernetes/kubernetes-datastore.ts';
import type { KubernetesOptions, KubernetesTimings } from '../../src/datastore/kubernetes/kubernetes-datastore.ts';
import type { Change } from '../../src/resources/cluster-view.ts';
import type { AnyResource } from '../../src/resources/kinds.ts';
import type { KubeApi, Manifest } from '../support/kube-api.ts';
import { waitFor } from '../support/wait-for.ts';

/** Short enough for tests; watches still last longer than most of these. */
const TIMINGS: KubernetesTimings = {
  watch: 20_000,
  grace: 5000,
  answer: 5000,
  firstPause: 50,
  longestPause: 500,
  missingPause: 200,
  patience: 500,
};

export type Options = Partial<Omit<KubernetesOptions, 'timings'>> & { timings?: Partial<KubernetesTimings> };

/** A datastore that was started, and everything that it told. */
export class Reading implements AsyncDisposable {
  readonly datastore: KubernetesDatastore;
  readonly resources = new Map<string, AnyResource>();
  /** Identities in the order in which they were told after the snapshot. */
  readonly changed: string[] = [];
  problems: readonly SourcedProblem[] = [];
  /** Each state that the datastore as a whole was in. */
  readonly states: string[] = [];
  snapshots = 0;

  constructor(kubeconfig: string, options: Options = {}) {
    this.datastore = new KubernetesDatastore({
      kubeconfig,
      apiGroup: 'auto',
      usePodCidr: false,
      nodeName: 'node-1',
      namespace: 'kube-system',
      scope: 'all',
      purpose: 'routing',
      ...options,
      timings: { ...TIMINGS, ...options.timings },
    });
    this.datastore.start({
      snapshot: (resources, problems) => {
        this.snapshots++;
        this.problems = problems;
        for (const resource of resources) this.resources.set(identity(resource), resource);
      },
      changes: (changes, problems) => {
        this.problems = problems;
        for (const change of changes) this.#apply(change);
      },
      status: ({ state }) => {
        if (this.states.at(-1) !== state) this.states.push(state);
      },
    });
  }

  /** The status of the source of this name. */
  source(name: string): DatastoreStatus['sources'][number] | undefined {
    return this.datastore.status.sources.find((source) => source.name === name);
  }

  /** Waits for the snapshot. */
  async synced(): Promise<this> {
    await waitFor(() => this.snapshots || this.datastore.status, {
      what: 'the snapshot',
      accept: (seen) => seen === 1,
    });
    return this;
  }

  /** Waits until a resource, `Kind name` or `Kind namespace/name`, is as `expected` says, or is gone where that is undefined. */
  until(name: string, expected: (resource: AnyResource) => boolean): Promise<unknown> {
    const look = () => this.resources.get(name);
    return waitFor(look, { what: name, timeoutMs: 20_000, accept: (found) => found !== undefined && expected(found) });
  }

  untilGone(name: string): Promise<unknown> {
    return waitFor(() => !this.resources.has(name), { what: `${name} to be gone`, timeoutMs: 20_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.datastore.stop();
  }

  #apply(change: Change): void {
    if (change.type === 'delete') {
      const { kind, namespace, name } = change;
      const key = identity({ kind, metadata: { name, ...(namespace !== undefined && { namespace }) } });
      this.changed.push(`-${key}`);
      this.resources.delete(key);
      return;
    }
    const key = identity(change.resource);
    if (isDeepStrictEqual(this.resources.get(key), change.resource)) this.changed.push(`=${key}`);
    else this.changed.push(`+${key}`);
    this.resources.set(key, change.resource);
  }
}

function identity({ kind, metadata }: { kind: string; metadata: { name: string; namespace?: string } }): string {
  return metadata.namespace === undefined
    ? `${kind} ${metadata.name}`
    : `${kind} ${metadata.namespace}/${metadata.name}`;
}

/** Calico's kinds with their plurals, as far as the tests need them. */
const CALICO_KINDS = {
  IPPool: 'ippools',
  BGPConfiguration: 'bgpconfigurations',
  BGPPeer: 'bgppeers',
  BGPFilter: 'bgpfilters',
  BlockAffinity: 'blockaffinities',
  ClusterInformation: 'clusterinformations',
  FelixConfiguration: 'felixconfigurations',
} as const;

/** Defines Calico's kinds in one of its API groups; CalicoNodeStatus has a status subresource in v3 only, as here chosen. */
export async function defineCalico(kube: KubeApi, group: string, version: string): Promise<void> {
  const definitions = Object.entries(CALICO_KINDS).map(([kind, plural]) =>
    kube.define(group, version, { kind, plural }),
  );
  const status = version === 'v3' ? { subresources: { status: {} } } : {};
  const nodeStatus = kube.define(group, version, { kind: 'CalicoNodeStatus', plural: 'caliconodestatuses' }, status);
  await Promise.all([...definitions, nodeStatus]);
}

/** A manifest of an object that belongs to no namespace. */
export function object(
  apiVersion: string,
  kind: string,
  name: string,
  fields: object = {},
  metadata: object = {},
): Manifest {
  return { apiVersion, kind, metadata: { name, ...metadata }, ...fields };
}

/** The Kubernetes API as datastore: every resource that the node needs listed and watched, and nothing else. */
import type { Datastore, DatastoreListener, DatastoreStatus, DatastoreWriter, SourceStatus } from '../datastore.ts';
import { ResourceCollector } from '../resource-collector.ts';
import type { RawItem } from '../raw-item.ts';
import { ApiClient } from './api-client.ts';
import type { AccessSource } from './api-client.ts';
import { secretResource, wantedResources } from './api-resources.ts';
import type { ApiResource, CalicoGroup, Scope } from './api-resources.ts';
import { CalicoGroups } from './calico-groups.ts';
import { KubernetesWriter } from './kubernetes-writer.ts';
import { lazyCredentials } from './lazy-credentials.ts';
import { lateDeletes } from './late-deletes.ts';
import { podCidrBlocks } from '../pod-cidr-blocks.ts';
import { Reflector } from './reflector.ts';
import type { ReflectorListener, Timings } from './reflector.ts';
import { SecretNames } from './secret-names.ts';
import { SecretWatches } from './secret-watches.ts';

export interface KubernetesOptions extends Scope {
  /** A kubeconfig file; empty for KUBECONFIG or, without it, for what a pod is given. */
  readonly kubeconfig: string;
  /** In which API group Calico's kinds are; `auto` finds it out. */
  readonly apiGroup: 'auto' | CalicoGroup;
  /** Where the Secrets are. */
  readonly namespace: string;
  readonly timings?: Partial<KubernetesTimings>;
}

/** How long things may take, in milliseconds. */
export interface KubernetesTimings extends Timings {
  /** How long the server may be silent while an answer is due. */
  readonly answer: number;
  /** How long the snapshot waits for what a node can begin without, when all else was read. */
  readonly patience: number;
}

/** A watch that hangs is noticed after 4 to 8 minutes, as other clients of the API do: shorter ones load the server. */
const TIMINGS: KubernetesTimings = {
  watch: 240_000,
  grace: 15_000,
  answer: 30_000,
  patience: 30_000,
  firstPause: 500,
  longestPause: 30_000,
  missingPause: 30_000,
};

/** How long an object may take from one list of its kind to another, in milliseconds. */
const MOVE = 2000;

/** Sources of the collector that are no list and watch: all Secrets, and blocks that are made from the Node. */
const SECRETS = 'Secret';
const BLOCKS = 'blocks from podCIDRs';

const NODES = 'Node';

/** A resource that is listed and watched from start to stop. */
interface List {
  readonly source: string;
  readonly listener: ReflectorListener;
  readonly reflector: Reflector;
}

export class KubernetesDatastore implements Datastore {
  readonly #options: KubernetesOptions;
  readonly #timings: KubernetesTimings;
  readonly #client: ApiClient;
  readonly #groups: CalicoGroups;
  readonly #lists: List[] = [];
  readonly #names = new SecretNames();
  readonly writer: DatastoreWriter;
  #secrets: SecretWatches | undefined;
  #listener: DatastoreListener | undefined;
  #collector: ResourceCollector | undefined;
  #patience: NodeJS.Timeout | undefined;
  #told = false;
  #status: DatastoreStatus = { type: 'kubernetes', state: 'syncing', since: Date.now(), sources: [] };

  /** Nothing is read before {@link start}, not the configuration either. */
  constructor(options: KubernetesOptions, access: AccessSource = lazyCredentials(options.kubeconfig)) {
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
    this.#client = new ApiClient(access, this.#timings.answer);
    this.#groups = new CalicoGroups(this.#client, options.apiGroup, () => this.#moved());
    this.writer = new KubernetesWriter(this.#client, this.#groups);
  }

  get status(): DatastoreStatus {
    return { ...this.#status, sources: this.#sources() };
  }

  start(listener: DatastoreListener): void {
    this.#listener = listener;
    const resources = wantedResources(this.#options);
    const names = resources.filter(({ passing }) => !passing).map(({ name }) => name);
    const passing = resources.filter((resource) => resource.passing).map(({ name, kind }) => [name, kind] as const);
    if (this.#options.purpose === 'routing') names.push(SECRETS);
    if (this.#makesBlocks) names.push(BLOCKS);
    const collector = new ResourceCollector(this.#tellingListener(), names, new Map(passing));
    this.#collector = collector;
    if (this.#options.purpose === 'routing') this.#secrets = this.#secretWatches(collector);
    for (const resource of resources) {
      const collecting = this.#collecting(resource.name, collector);
      const listener = resource.partial ? lateDeletes(collecting, MOVE) : collecting;
      this.#lists.push({ source: resource.name, listener, reflector: this.#reflector(resource, listener) });
    }
    for (const { reflector } of this.#lists) reflector.start();
  }

  /** In scope `companion`: from now on these Secrets are watched, and no others. There is no snapshot before this is called. */
  wantSecrets(names: readonly string[]): void {
    this.#secrets?.want(names);
  }

  stop(): Promise<void> {
    this.#listener = undefined;
    clearTimeout(this.#patience);
    for (const { reflector } of this.#lists) reflector.stop();
    this.#secrets?.stop();
    this.#client.close();
    return Promise.resolve();
  }

  get #makesBlocks(): boolean {
    const { usePodCidr, scope, purpose } = this.#options;
    return usePodCidr && scope === 'all' && purpose === 'routing';
  }

  #reflector(resource: ApiResource, listener: ReflectorListener): Reflector {
    return new Reflector(resource, { client: this.#client, groups: this.#groups, timings: this.#timings }, listener);
  }

  /** Puts what a resource holds into the collector, and looks what follows from it. */
  #collecting(source: string, collector: ResourceCollector): ReflectorListener {
    const blocks = source === NODES && this.#makesBlocks;
    const named = (change: (names: SecretNames) => void) => {
      if (this.#options.scope !== 'all' || !this.#names.concerns(source)) return;
      change(this.#names);
      if (this.#names.complete) this.wantSecrets(this.#names.all);
    };
    const setBlocks = (key: string, items: readonly RawItem[]) => {
      if (blocks && key === this.#options.nodeName) collector.replace(BLOCKS, items.flatMap(podCidrBlocks));
    };
    return {
      replace: (items) => {
        collector.replace(source, items);
        const { nodeName } = this.#options;
        setBlocks(
          nodeName,
          items.filter(({ key }) => key === nodeName),
        );
        named((names) => names.replace(source, items));
        this.#waitForRest();
      },
      put: (item) => {
        collector.put(source, item);
        setBlocks(item.key, [item]);
        named((names) => names.put(source, item));
      },
      delete: (key) => {
        collector.delete(source, key);
        setBlocks(key, []);
        named((names) => names.delete(source, key));
      },
      flush: () => collector.flush(),
      status: () => this.#tellStatus(),
    };
  }

  /** What can't be read must not keep the node from all else for ever, where it can begin without. */
  #waitForRest(): void {
    if (this.#told || this.#patience !== undefined) return;
    const read = this.#lists.filter(({ reflector }) => reflector.status.unread === undefined);
    if (read.length === 0 || this.#needed.some((list) => !read.includes(list))) return;
    this.#patience = setTimeout(() => {
      for (const { reflector, listener } of this.#lists) {
        if (reflector.status.unread !== undefined) listener.replace([]);
      }
      this.#collector?.flush();
    }, this.#timings.patience);
  }

  /** Those that a node can't begin without. */
  get #needed(): readonly List[] {
    return this.#lists.filter(({ reflector }) => !reflector.optional);
  }

  /** What Calico's kinds hold is in doubt until all of them were listed in the other group: nothing is told of it bit by bit. */
  #moved(): void {
    for (const { source, reflector } of this.#lists) {
      if (!reflector.isCalicos) continue;
      this.#collector?.doubt(source);
      reflector.move();
    }
  }

  #secretWatches(collector: ResourceCollector): SecretWatches {
    const { namespace } = this.#options;
    return new SecretWatches((name, listener) => this.#reflector(secretResource(namespace, name), listener), {
      found: (items) => collector.replace(SECRETS, items),
      put: (item) => collector.put(SECRETS, item),
      delete: (key) => collector.delete(SECRETS, key),
      flush: () => collector.flush(),
      status: () => this.#tellStatus(),
    });
  }

  /** Hears nothing after {@link stop}, and knows when the snapshot is told. */
  #tellingListener(): DatastoreListener {
    return {
      ...(this.#listener?.early && { early: (changes) => this.#listener?.early?.(changes) }),
      snapshot: (resources, problems) => {
        this.#told = true;
        this.#tellStatus();
        this.#listener?.snapshot(resources, problems);
      },
      changes: (changes, problems) => this.#listener?.changes(changes, problems),
      // The collector knows of none.
      status: () => {},
    };
  }

  #sources(): readonly SourceStatus[] {
    return [...this.#lists.map(({ reflector }) => reflector.status), ...(this.#secrets?.statuses ?? [])];
  }

  #tellStatus(): void {
    const sources = this.#sources();
    const lists = this.#options.scope === 'all' ? this.#needed : this.#lists;
    const state = this.#stateOf(lists.map(({ reflector }) => reflector.status));
    const before = this.#status;
    const errors = sources.flatMap(({ lastError }) => (lastError === undefined ? [] : [lastError]));
    const lastError = errors.toSorted((a, b) => b.at - a.at).at(0);
    this.#status = {
      type: 'kubernetes',
      state,
      since: state === before.state ? before.since : Date.now(),
      ...(lastError !== undefined && { lastError }),
      sources,
    };
    this.#listener?.status(this.#status);
  }

  #stateOf(sources: readonly SourceStatus[]): DatastoreStatus['state'] {
    if (sources.some(({ state }) => state === 'away')) return 'away';
    return this.#told ? 'synced' : 'syncing';
  }
}

/** The datastore of clusters whose Calico keeps its resources in etcd. */
import { setTimeout as sleep } from 'node:timers/promises';
import { setMaxListeners } from 'node:events';
import { DatastoreError } from '../datastore-error.ts';
import type { Datastore, DatastoreListener, DatastoreStatus, DatastoreWriter } from '../datastore.ts';
import type { Purpose } from '../purpose.ts';
import { ResourceCollector } from '../resource-collector.ts';
import { keyRanges } from './calico-keys.ts';
import type { KeyRange } from './calico-keys.ts';
import type { EtcdCredentials } from './credentials.ts';
import { discoverEndpoints, parseEndpoint } from './endpoints.ts';
import type { Endpoint } from './endpoints.ts';
import { EtcdError, etcdError } from './etcd-error.ts';
import { EtcdWriter } from './etcd-writer.ts';
import { Login } from './login.ts';
import { ReconnectDelay } from './reconnect-delay.ts';
import type { ResponseHeader } from './rpc.ts';
import { EtcdSession } from './session.ts';
import type { SessionTiming } from './session.ts';
import { SourceReader } from './source-reader.ts';
import type { WatchStream } from './watch-stream.ts';

export interface EtcdOptions extends EtcdCredentials {
  /** URLs of members: `https://10.0.0.1:2379`. */
  readonly endpoints: readonly string[];
  /** A domain whose SRV records name the members, where `endpoints` is empty. */
  readonly discoverySrv?: string | undefined;
  readonly nodeName: string;
  readonly purpose: Purpose;
}

export interface EtcdTuning extends SessionTiming {
  /** Objects that are asked for at once at first. */
  readonly pageSize: number;
  /** Milliseconds between two looks at how far behind the member and the watches are. */
  readonly checkInterval: number;
}

const TUNING: EtcdTuning = {
  keepaliveTime: 6000,
  keepaliveTimeout: 5000,
  requestTimeout: 10_000,
  pageSize: 500,
  checkInterval: 15_000,
};

export class EtcdDatastore implements Datastore {
  readonly writer: DatastoreWriter = new EtcdWriter(() => this.#connected());
  readonly #options: EtcdOptions;
  readonly #tuning: EtcdTuning;
  readonly #endpoints: readonly Endpoint[];
  readonly #ranges: readonly KeyRange[];
  readonly #login: Login;
  readonly #delay = new ReconnectDelay();
  readonly #stopped = new AbortController();
  /** Counts the attempts, from a random number on, so that nodes spread over the members. */
  #attempt = Math.floor(Math.random() * 1024);
  #readers: readonly SourceReader[] = [];
  #collector: ResourceCollector | undefined;
  #listener: DatastoreListener | undefined;
  #running: Promise<void> | undefined;
  #session: EtcdSession | undefined;
  #clusterId: number | undefined;
  #since = Date.now();
  #state: DatastoreStatus['state'] = 'syncing';
  /** What the cluster was at when it was asked last, and when that was, in milliseconds since 1970. */
  #checked = { revision: 0, at: 0 };
  /** When everything was known that the cluster knew, in milliseconds since 1970. */
  #upToDateAt: number | undefined;
  /** Whether the member tells how far the watches are. */
  #tellsProgress = false;
  #telling: NodeJS.Immediate | undefined;
  #statusChanged = false;
  /** What was told last of it, as far as anybody is told. */
  #toldStatus = 'syncing 0 ';

  /** Throws {@link DatastoreError} where an endpoint is none, or none is given. */
  constructor(options: EtcdOptions, tuning: Partial<EtcdTuning> = {}) {
    this.#options = options;
    this.#tuning = { ...TUNING, ...tuning };
    this.#endpoints = options.endpoints.map(parseEndpoint);
    if (this.#endpoints.length === 0 && (options.discoverySrv ?? '') === '') {
      throw new DatastoreError('datastore.etcd.endpoints is empty: it needs the URL of at least one member of etcd');
    }
    this.#ranges = keyRanges(options.nodeName, options.purpose);
    this.#login = new Login(options);
    setMaxListeners(0, this.#stopped.signal);
  }

  get status(): DatastoreStatus {
    const lag = this.#lag();
    const lagSeconds = lag === undefined ? {} : { lagSeconds: lag };
    const sources = this.#readers.map(({ status }) => ({ ...status, ...lagSeconds }));
    const revisions = this.#readers.map(({ revision }) => revision ?? 0);
    const [lastError] = sources.flatMap(({ lastError: error }) => error ?? []).toSorted((a, b) => b.at - a.at);
    return {
      type: 'etcd',
      state: this.#state,
      since: this.#since,
      ...(revisions.some((revision) => revision > 0) && { revision: String(Math.max(...revisions)) }),
      ...(lastError !== undefined && { lastError }),
      ...lagSeconds,
      sources,
    };
  }

  start(listener: DatastoreListener): void {
    this.#listener = listener;
    const names = this.#ranges.filter(({ many }) => !many).map(({ name }) => name);
    const passing = this.#ranges.filter(({ many }) => many).map(({ name, kind }) => [name, kind] as const);
    const collector = new ResourceCollector(listener, names, new Map(passing));
    const hearing = {
      changed: () => this.#tellSoon(),
      statusChanged: () => {
        this.#statusChanged = true;
        this.#tellSoon();
      },
    };
    this.#collector = collector;
    this.#readers = this.#ranges.map((range) => new SourceReader(range, collector, hearing, this.#tuning.pageSize));
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#listener = undefined;
    clearImmediate(this.#telling);
    this.#stopped.abort();
    this.#session?.end(new EtcdError('unavailable', 'the daemon stops'));
    await this.#running;
  }

  /** One session after the other, until it is stopped. */
  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      let members = 1;
      let place = '';
      try {
        const endpoints = await this.#findEndpoints();
        const endpoint = endpoints[this.#attempt % endpoints.length];
        members = endpoints.length;
        place = `${endpoint.url}: `;
        await this.#serve(endpoint);
      } catch (error) {
        const words = error instanceof DatastoreError ? error.message : place + etcdError(error).message;
        if (!signal.aborted) for (const reader of this.#readers) reader.away(words);
      }
      this.#attempt += 1;
      const pause = this.#delay.failed(Date.now(), Math.random(), members);
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  async #findEndpoints(): Promise<readonly Endpoint[]> {
    return this.#endpoints.length > 0 ? this.#endpoints : discoverEndpoints(this.#options.discoverySrv ?? '');
  }

  /** Reads from one member until it fails; always rejects, with the reason. */
  async #serve(endpoint: Endpoint): Promise<void> {
    const session = await EtcdSession.open(endpoint, this.#options, this.#login, this.#tuning);
    setMaxListeners(0, session.signal);
    if (this.#stopped.signal.aborted) session.end(new EtcdError('unavailable', 'the daemon stops'));
    this.#session = session;
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.#checkHistory(session);
      this.#delay.works(Date.now());
      const stream = session.openWatches((revision, progress) => this.#heard(revision, progress));
      stream.requestProgress();
      timer = setInterval(() => void this.#check(session, stream), this.#tuning.checkInterval);
      await Promise.all(this.#readers.map((reader) => reader.run(session, stream)));
      session.signal.throwIfAborted();
    } catch (error) {
      session.end(etcdError(error));
      throw error;
    } finally {
      clearInterval(timer);
      this.#session = undefined;
    }
  }

  /**
   * Revisions only grow as long as a cluster lives. Where they don't, or the cluster is another one, a watch from the last
   * revision would say nothing, or not all, of what is different (etcd restored from a backup).
   */
  async #checkHistory(session: EtcdSession): Promise<void> {
    const at = Date.now();
    const { clusterId, revision } = await this.#newestHeader(session);
    this.#checked = { revision, at };
    const isOther = this.#clusterId !== undefined && this.#clusterId !== clusterId;
    this.#clusterId = clusterId;
    for (const reader of this.#readers) {
      if (isOther || (reader.revision ?? 0) > revision) reader.forgetRevision();
    }
  }

  /**
   * Asks the cluster how far it is, which a member can't answer that hangs behind it; the answer to the second question,
   * which comes over the stream, tells whether the watches are as far.
   */
  async #check(session: EtcdSession, stream: WatchStream): Promise<void> {
    const at = Date.now();
    try {
      const { revision } = await this.#newestHeader(session);
      this.#checked = { revision, at };
      stream.requestProgress();
    } catch (error) {
      const reason = etcdError(error);
      if (reason.kind === 'unavailable') session.end(reason);
    }
  }

  /** What the cluster is at, by the answer to the first range that may be read. */
  async #newestHeader(session: EtcdSession): Promise<ResponseHeader> {
    let refusal: unknown;
    for (const { key } of this.#ranges) {
      try {
        return (await session.range({ key, limit: 1, keysOnly: true })).header;
      } catch (error) {
        if (etcdError(error).kind !== 'denied') throw error;
        refusal = error;
      }
    }
    throw refusal;
  }

  #connected(): EtcdSession {
    if (this.#session !== undefined) return this.#session;
    const words = this.status.lastError?.words;
    throw new EtcdError('unavailable', `etcd is away${words === undefined ? '' : ` (${words})`}`);
  }

  #heard(revision: number, progress: boolean): void {
    this.#tellsProgress ||= progress;
    if (revision >= this.#checked.revision) this.#upToDateAt = this.#checked.at;
  }

  /** Seconds; undefined where it can't be told. */
  #lag(): number | undefined {
    if (this.#upToDateAt === undefined || !this.#tellsProgress) return undefined;
    const age = Date.now() - this.#upToDateAt;
    return this.#state === 'synced' && age < 2 * this.#tuning.checkInterval ? 0 : Math.round(age / 1000);
  }

  /** Once a turn of the event loop, whatever came in it. */
  #tellSoon(): void {
    if (this.#listener === undefined) return;
    this.#telling ??= setImmediate(() => {
      this.#telling = undefined;
      this.#collector?.flush();
      this.#tellStatus();
    });
  }

  /** Tells where the datastore as a whole is in another state, something was read at last, or something else went wrong. */
  #tellStatus(): void {
    if (!this.#statusChanged) return;
    this.#statusChanged = false;
    const needed = this.#readers.filter(({ optional }) => !optional);
    const states = new Set(needed.map(({ status }) => status.state));
    const state = (['away', 'syncing'] as const).find((one) => states.has(one)) ?? 'synced';
    if (state !== this.#state) this.#since = Date.now();
    this.#state = state;
    const { status } = this;
    const unread = state === 'synced' ? status.sources.filter((source) => source.unread !== undefined).length : 0;
    const told = [state, unread, status.lastError?.words].join(' ');
    if (told === this.#toldStatus) return;
    this.#toldStatus = told;
    this.#listener?.status(status);
  }
}

/** A datastore whose last known state is kept on disk, and in force from the start on while the datastore itself is away. */
import { join } from 'node:path';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { readCache, writeCache } from './cache-file.ts';
import type { CacheContents, CacheSource } from './cache-file.ts';
import { changesBetween, keyOf } from './contents.ts';
import { reasonOf } from './datastore-error.ts';
import type {
  Datastore,
  DatastoreListener,
  DatastoreStatus,
  DatastoreWriter,
  SourcedProblem,
  Unread,
} from './datastore.ts';

/** Milliseconds. */
export interface CacheTiming {
  /** How long the datastore may take to answer at the start before the last known state counts. */
  readonly patience: number;
  /** Least time between two writings. */
  readonly interval: number;
}

const TIMING: CacheTiming = { patience: 3000, interval: 5000 };

/** Writing takes no more than one part in so many of the time. */
const SHARE = 50;

export interface CacheOptions {
  readonly directory: string;
  readonly source: CacheSource;
  /** Encrypts Secrets; without it they are not kept. */
  readonly key: Uint8Array | undefined;
}

export class CachedDatastore implements Datastore {
  readonly #inner: Datastore;
  readonly #options: CacheOptions;
  readonly #timing: CacheTiming;
  readonly #path: string;
  #listener: DatastoreListener | undefined;
  /** What the listener knows; undefined before it knows anything. */
  #contents: Map<string, AnyResource> | undefined;
  /** Set while that comes from disk. */
  #served: { readonly writtenAt: number; readonly since: number } | undefined;
  /** Keys of what comes from disk although the datastore answers: it can't say yet whether there is such a thing. */
  readonly #kept = new Set<string>();
  /** Why what is on disk can't be used, or written. */
  #trouble: { readonly words: string; readonly at: number } | undefined;
  #problems: readonly SourcedProblem[] = [];
  #secretsMissing: CacheContents['secretsMissing'];
  #patience: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #writeTimer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  /** Whether there is something that is not on disk yet. */
  #dirty = false;
  /** Before this moment nothing is written, by a clock that nobody sets. */
  #writeAfter = 0;

  constructor(inner: Datastore, options: CacheOptions, timing: CacheTiming = TIMING) {
    this.#inner = inner;
    this.#options = options;
    this.#timing = timing;
    this.#path = join(options.directory, `${options.source.type}.json`);
  }

  get writer(): DatastoreWriter | undefined {
    return this.#inner.writer;
  }

  get status(): DatastoreStatus {
    const { status } = this.#inner;
    if (this.#served !== undefined) return { ...status, cache: this.#served };
    if (this.#contents !== undefined || this.#trouble === undefined) return status;
    const { words, at } = this.#trouble;
    const { lastError } = status;
    return {
      ...status,
      lastError: lastError === undefined ? { words, at } : { ...lastError, words: `${lastError.words}; ${words}` },
    };
  }

  start(listener: DatastoreListener): void {
    this.#listener = listener;
    this.#patience = setTimeout(() => this.#serve(), this.#timing.patience);
    this.#inner.start({
      snapshot: (resources, problems) => this.#snapshot(resources, problems),
      changes: (changes, problems) => this.#changes(changes, problems),
      status: ({ state }) => {
        if (state === 'away') this.#serve();
        if (this.#kept.size > 0) this.#changes([], this.#problems);
        this.#listener?.status(this.status);
      },
    });
  }

  async stop(): Promise<void> {
    this.#listener = undefined;
    clearTimeout(this.#patience);
    clearTimeout(this.#writeTimer);
    await this.#inner.stop();
    await this.#reading;
    await this.#writing;
    if (this.#dirty) await this.#write();
  }

  /** The datastore has not answered: what is on disk counts, unless it answers before that is read. */
  #serve(): void {
    if (this.#contents !== undefined || this.#listener === undefined) return;
    clearTimeout(this.#patience);
    this.#reading ??= this.#read();
  }

  async #read(): Promise<void> {
    const { source, key } = this.#options;
    let cached: CacheContents | undefined;
    try {
      cached = await readCache(this.#path, source, key);
    } catch (error) {
      this.#failed(`the last known state ${this.#path} ${reasonOf(error)}: it is ignored`);
      return;
    }
    if (cached === undefined || this.#contents !== undefined || this.#listener === undefined) return;
    const { resources, writtenAt, secretsMissing } = cached;
    this.#contents = byKey(resources);
    this.#served = { writtenAt, since: Date.now() };
    this.#secretsMissing = secretsMissing;
    this.#listener.snapshot([...resources], this.#allProblems());
    this.#listener.status(this.status);
  }

  #snapshot(resources: AnyResource[], problems: readonly SourcedProblem[]): void {
    clearTimeout(this.#patience);
    const before = this.#contents;
    const after = byKey(resources);
    if (this.#served !== undefined) this.#keep(after);
    this.#contents = after;
    this.#served = undefined;
    this.#secretsMissing = undefined;
    this.#trouble = undefined;
    this.#problems = problems;
    if (before === undefined) {
      this.#changed();
      this.#listener?.snapshot(resources, problems);
      return;
    }
    const changes = changesBetween(before, after);
    if (changes.length > 0) this.#changed();
    this.#listener?.changes(changes, problems);
    this.#listener?.status(this.status);
  }

  #changes(told: readonly Change[], problems: readonly SourcedProblem[]): void {
    for (const change of told) {
      const key = change.type === 'upsert' ? keyOf(change.resource) : keyOf({ kind: change.kind, metadata: change });
      this.#kept.delete(key);
      if (change.type === 'upsert') this.#contents?.set(key, change.resource);
      else this.#contents?.delete(key);
    }
    const changes = [...told, ...this.#dropKept()];
    if (changes.length === 0 && problems === this.#problems) return;
    if (changes.length > 0) this.#changed();
    this.#problems = problems;
    this.#listener?.changes(changes, this.#allProblems());
  }

  /** What was in force stays so as long as its source was not read: nothing may go because a right is missing. */
  #keep(contents: Map<string, AnyResource>): void {
    const unread = this.#unread;
    for (const [key, resource] of this.#contents ?? []) {
      if (contents.has(key) || !isAmong(unread, resource)) continue;
      contents.set(key, resource);
      this.#kept.add(key);
    }
  }

  /** Lets go of what is there from before, and its source was read by now. */
  #dropKept(): Change[] {
    const changes: Change[] = [];
    const unread = this.#kept.size === 0 ? [] : this.#unread;
    for (const key of this.#kept) {
      const resource = this.#contents?.get(key);
      if (resource === undefined || isAmong(unread, resource)) continue;
      this.#kept.delete(key);
      this.#contents?.delete(key);
      const { name, namespace } = resource.metadata;
      changes.push({ type: 'delete', kind: resource.kind, name, ...(namespace !== undefined && { namespace }) });
    }
    return changes;
  }

  get #unread(): readonly Unread[] {
    return this.#inner.status.sources.flatMap(({ unread }) => unread ?? []);
  }

  /** Those of the datastore, and what is wrong with the last known state. */
  #allProblems(): readonly SourcedProblem[] {
    const words = [
      ...(this.#trouble === undefined ? [] : [this.#trouble.words]),
      ...(this.#secretsMissing === undefined ? [] : [SECRETS_MISSING[this.#secretsMissing]]),
    ];
    if (words.length === 0) return this.#problems;
    const own = words.map((message) => ({ source: this.#path, path: [], message, severity: 'warning' as const }));
    return [...this.#problems, ...own];
  }

  #failed(words: string): void {
    if (this.#trouble?.words === words) return;
    this.#trouble = { words, at: Date.now() };
    if (this.#contents === undefined) this.#listener?.status(this.status);
    else this.#listener?.changes([], this.#allProblems());
  }

  /** What is on disk is out of date. */
  #changed(): void {
    this.#dirty = true;
    if (this.#writing === undefined) this.#writeLater();
  }

  #writeLater(): void {
    if (this.#writeTimer !== undefined || this.#listener === undefined) return;
    this.#writeTimer = setTimeout(
      () => {
        this.#writeTimer = undefined;
        this.#writing = this.#write().finally(() => {
          this.#writing = undefined;
          if (this.#dirty) this.#writeLater();
        });
      },
      Math.max(0, this.#writeAfter - performance.now()),
    );
    this.#writeTimer.unref();
  }

  async #write(): Promise<void> {
    const { source, key } = this.#options;
    const start = performance.now();
    this.#dirty = false;
    try {
      await writeCache(this.#path, source, [...(this.#contents?.values() ?? [])], key, Date.now());
      if (this.#trouble !== undefined) this.#recovered();
    } catch (error) {
      this.#dirty = true;
      this.#failed(`the last known state can't be written: ${reasonOf(error)}`);
    }
    const end = performance.now();
    this.#writeAfter = end + Math.max(this.#timing.interval, (end - start) * SHARE);
  }

  #recovered(): void {
    this.#trouble = undefined;
    this.#listener?.changes([], this.#allProblems());
  }
}

const SECRETS_MISSING = {
  'left out':
    'holds no Secrets: sessions that need a password stay down until the datastore answers; datastore.cacheKeyFile keeps Secrets, encrypted',
  key: 'holds Secrets that datastore.cacheKeyFile does not open: sessions that need a password stay down until the datastore answers',
};

function isAmong(all: readonly Unread[], { kind, metadata }: AnyResource): boolean {
  return all.some(
    ({ kind: ofKind, name = metadata.name, namespace = metadata.namespace }) =>
      ofKind === kind && name === metadata.name && namespace === metadata.namespace,
  );
}

function byKey(resources: readonly AnyResource[]): Map<string, AnyResource> {
  return new Map(resources.map((resource) => [keyOf(resource), resource]));
}

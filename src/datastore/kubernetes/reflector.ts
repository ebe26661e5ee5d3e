/** Lists and watches one resource: carries out what its state machine says. */
import type { RawItem } from '../raw-item.ts';
import type { SourceStatus } from '../datastore.ts';
import { reasonOf } from '../datastore-error.ts';
import type { ApiClient } from './api-client.ts';
import { collectionPath, isCalicos } from './api-resources.ts';
import type { ApiResource, CalicoGroup } from './api-resources.ts';
import { ApiError } from './api-status.ts';
import { untilReady } from './calico-groups.ts';
import type { CalicoGroups } from './calico-groups.ts';
import { readList, readObject, readWatchEvent } from './raw-objects.ts';
import { ReflectorMachine } from './reflector-machine.ts';
import type { ReflectorEffect, ReflectorInput } from './reflector-machine.ts';

/** Who hears what a resource holds. */
export interface ReflectorListener {
  replace(items: readonly RawItem[]): void;
  put(item: RawItem): void;
  delete(key: string): void;
  /** All that belongs together was told. */
  flush(): void;
  status(status: SourceStatus): void;
}

/** How long things may take, in milliseconds. */
export interface Timings {
  /** A watch is asked for for this long to twice this long; the server then ends it. */
  readonly watch: number;
  /** How much longer it may last before the connection is taken for dead. */
  readonly grace: number;
  readonly firstPause: number;
  readonly longestPause: number;
  readonly missingPause: number;
}

/** Objects in a page. */
const PAGE = '500';

export class Reflector {
  readonly #resource: ApiResource;
  readonly #client: ApiClient;
  readonly #groups: CalicoGroups;
  readonly #timings: Timings;
  readonly #listener: ReflectorListener;
  readonly #machine: ReflectorMachine;
  /** The one request there is at a time; what an aborted one still says is not heard. */
  #attempt = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #status: SourceStatus;

  constructor(
    resource: ApiResource,
    api: { readonly client: ApiClient; readonly groups: CalicoGroups; readonly timings: Timings },
    listener: ReflectorListener,
  ) {
    this.#resource = resource;
    this.#client = api.client;
    this.#groups = api.groups;
    this.#timings = api.timings;
    this.#listener = listener;
    const { optional } = resource;
    this.#machine = new ReflectorMachine({ ...api.timings, optional, random: Math.random });
    this.#status = { name: resource.name, state: 'syncing', since: Date.now() };
  }

  get status(): SourceStatus {
    const { revision, read } = this.#machine;
    const { kind, namespace, objectName: name } = this.#resource;
    return {
      ...this.#status,
      ...(revision !== undefined && { revision }),
      ...(!read && {
        unread: { kind, ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name }) },
      }),
    };
  }

  /** Whether the snapshot does without it. */
  get optional(): boolean {
    return this.#resource.optional;
  }

  /** Whether it is among Calico's kinds. */
  get isCalicos(): boolean {
    return isCalicos(this.#resource);
  }

  start(): void {
    this.#handle({ type: 'start' });
  }

  /** Lists again, where all of it is now. */
  move(): void {
    this.#handle({ type: 'moved' });
  }

  stop(): void {
    this.#attempt.abort();
    clearTimeout(this.#timer);
  }

  #handle(input: ReflectorInput): void {
    for (const effect of this.#machine.handle(input, performance.now())) this.#do(effect);
  }

  #do(effect: ReflectorEffect): void {
    switch (effect.type) {
      case 'list':
        return this.#try((signal) => this.#list(effect, signal));
      case 'watch':
        return this.#try((signal) => this.#watch(effect.revision, signal));
      case 'confirm':
        return this.#try(async (signal) => {
          await (isCalicos(this.#resource) ? this.#groups.review() : untilReady(this.#client, signal));
          return { type: 'ready' };
        });
      case 'wait':
        return this.#try(
          () =>
            new Promise((resolve) => {
              this.#timer = setTimeout(() => resolve({ type: 'due' }), effect.milliseconds);
            }),
        );
      case 'replace':
        return this.#listener.replace(effect.items);
      case 'put':
        return this.#listener.put(effect.item);
      case 'delete':
        return this.#listener.delete(effect.key);
      case 'flush':
        return this.#listener.flush();
      case 'renew':
        return this.#client.renewCredentials();
      case 'status':
        return this.#setStatus(effect.state, effect.words);
    }
  }

  /** Makes an attempt in place of the one before, and hands what comes of it to the machine. */
  #try(run: (signal: AbortSignal) => Promise<ReflectorInput>): void {
    this.#attempt.abort();
    clearTimeout(this.#timer);
    const attempt = (this.#attempt = new AbortController());
    void run(attempt.signal)
      .catch(failureOf)
      .then((input) => attempt.signal.aborted || this.#handle(input));
  }

  async #list(
    { from, notBefore, next }: Extract<ReflectorEffect, { type: 'list' }>,
    signal: AbortSignal,
  ): Promise<ReflectorInput> {
    const group = await this.#group();
    const url = this.#url(group, {
      ...(from === 'memory' && { resourceVersion: notBefore }),
      ...(from === 'pages' && { limit: PAGE }),
      ...(next !== undefined && { continue: next }),
    });
    const items: RawItem[] = [];
    const body = await this.#client.list(url, signal, (texts) => {
      for (const text of signal.aborted ? [] : texts) {
        const item = readObject(this.#resource, group, text);
        if (item === undefined) continue;
        // To look at all of them in the end would hold up everything else, and to keep them until then takes much memory.
        this.#listener.put(item);
        const { key, version } = item;
        items.push(this.#resource.many && version !== undefined ? { key, place: '', value: undefined, version } : item);
      }
    });
    return { type: 'page', items, ...readList(this.#resource, body) };
  }

  async #watch(revision: string, signal: AbortSignal): Promise<ReflectorInput> {
    const group = await this.#group();
    const { watch, grace } = this.#timings;
    const milliseconds = watch * (1 + Math.random());
    const url = this.#url(group, {
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: revision,
      timeoutSeconds: String(Math.ceil(milliseconds / 1000)),
    });
    await this.#client.watch(url, {
      signal,
      stallAfter: milliseconds + grace,
      onOpen: () => this.#opened(),
      onLines: (lines) => {
        const events = lines.map((line) => readWatchEvent(this.#resource, group, line));
        if (!signal.aborted && events.length > 0) this.#handle({ type: 'events', events });
      },
    });
    return { type: 'ended' };
  }

  #group(): Promise<CalicoGroup> {
    return isCalicos(this.#resource) ? this.#groups.find() : Promise.resolve('projectcalico.org/v3');
  }

  #url(group: CalicoGroup, query: Readonly<Record<string, string>>): string {
    const { labelSelector, objectName } = this.#resource;
    const selectors = {
      ...(labelSelector && { labelSelector }),
      ...(objectName !== undefined && { fieldSelector: `metadata.name=${objectName}` }),
    };
    return `${collectionPath(this.#resource, group)}?${new URLSearchParams({ ...selectors, ...query }).toString()}`;
  }

  #opened(): void {
    this.#status = { ...this.#status, connectedSince: Date.now() };
    this.#handle({ type: 'opened' });
  }

  #setStatus(state: SourceStatus['state'], words: string | undefined): void {
    const before = this.#status;
    if (state === before.state && (words === undefined || words === before.lastError?.words)) return;
    const now = Date.now();
    const { connectedSince: _, ...rest } = before;
    this.#status = {
      ...(state === 'away' ? rest : before),
      state,
      since: state === before.state ? before.since : now,
      ...(words !== undefined && { lastError: { words, at: now } }),
    };
    this.#listener.status(this.#status);
  }
}

function failureOf(error: unknown): ReflectorInput {
  if (error instanceof ApiError) return { type: 'refused', status: error.status };
  return { type: 'broken', words: reasonOf(error) };
}

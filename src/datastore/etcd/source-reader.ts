/** Reads one range of etcd's keys: a list by pages at one revision, and a watch from there. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SourceStatus } from '../datastore.ts';
import type { ResourceCollector } from '../resource-collector.ts';
import { inSlices } from '../slices.ts';
import type { KeyRange } from './calico-keys.ts';
import { EtcdError, etcdError } from './etcd-error.ts';
import { ReconnectDelay } from './reconnect-delay.ts';
import type { KeyValue, RangeRequest, RangeResponse, WatchEvent } from './rpc.ts';
import type { EtcdSession } from './session.ts';
import type { WatchListener, WatchStream } from './watch-stream.ts';

/** Pages of objects grow up to this size. */
const PAGE_BYTES = 2 * 2 ** 20;

export interface ReaderListener {
  /** The collector may have something to tell. */
  changed(): void;
  /** The status is another one, but for its revision. */
  statusChanged(): void;
}

export class SourceReader {
  readonly #range: KeyRange;
  readonly #collector: ResourceCollector;
  readonly #listener: ReaderListener;
  /** Objects in a page. */
  readonly #pageSize: number;
  /** Up to here all is known; undefined where a list is needed. */
  #revision: number | undefined;
  /** Changes when revisions begin to count anew. */
  #history = 0;
  /** Whether it was ever listed, and whether the snapshot may be told. */
  #read = false;
  #told = false;
  #status: SourceStatus;

  constructor(range: KeyRange, collector: ResourceCollector, listener: ReaderListener, pageSize: number) {
    this.#range = range;
    this.#collector = collector;
    this.#listener = listener;
    this.#pageSize = pageSize;
    this.#status = { name: range.name, state: 'syncing', since: Date.now() };
  }

  get status(): SourceStatus {
    return {
      ...this.#status,
      ...(this.#revision !== undefined && { revision: String(this.#revision) }),
      ...(!this.#read && { unread: { kind: this.#range.kind } }),
    };
  }

  /** Whether a node can begin without. */
  get optional(): boolean {
    return this.#range.optional;
  }

  /** Up to where all is known; undefined before the first list. */
  get revision(): number | undefined {
    return this.#revision;
  }

  /** etcd has lost what it knew, or is another one: what is known must be held against a new list. */
  forgetRevision(): void {
    this.#revision = undefined;
    this.#history += 1;
  }

  /** It can't be read now. `words` say why, and where. */
  away(words: string): void {
    const { connectedSince: _, ...status } = this.#status;
    this.#setStatus({ ...status, state: 'away' }, words);
  }

  /** Reads until the session has ended. Never rejects. */
  async run(session: EtcdSession, stream: WatchStream): Promise<void> {
    const delay = new ReconnectDelay();
    while (!session.signal.aborted) {
      try {
        if (this.#revision === undefined) await this.#list(session);
        await stream.watch(this.#watchRequest(this.#revision ?? 0), this.#watchListener(delay));
      } catch (error) {
        await this.#failed(session, etcdError(error), delay);
      }
    }
  }

  async #list(session: EtcdSession): Promise<void> {
    const { name, key, read } = this.#range;
    const keys = new Set<string>();
    let limit = this.#pageSize;
    let revision: number | undefined;
    let asked: Promise<RangeResponse> | undefined = this.#page(session, { key, limit });
    while (asked !== undefined) {
      const { kvs, more, header }: RangeResponse = await asked;
      const at: number = (revision ??= header.revision);
      // A member counts all keys of the range for each page.
      if (sizeOf(kvs) < PAGE_BYTES / 2) limit *= 2;
      // It looks for the next page while this one is read.
      asked = more && kvs.length > 0 ? this.#page(session, { key: after(kvs), limit, revision: at }) : undefined;
      asked?.catch(() => undefined);
      await inSlices(kvs, (kv) => {
        const text = kv.key.toString();
        keys.add(text);
        this.#put(kv, text, read);
      });
    }
    this.#collector.retain(name, keys);
    this.#read = true;
    this.#told = true;
    this.#revision = revision;
    this.#listener.changed();
  }

  #page(session: EtcdSession, request: RangeRequest): Promise<RangeResponse> {
    const { rangeEnd } = this.#range;
    return session.range({ ...request, ...(rangeEnd !== undefined && { rangeEnd }) });
  }

  #put(kv: KeyValue, key: string, read: KeyRange['read']): void {
    const { place, value, unreadable } = read(key, kv.value);
    // A number is no object, of which there would be as many as there are keys.
    const version = this.#history === 0 ? kv.modRevision : `${this.#history}/${kv.modRevision}`;
    this.#collector.put(this.#range.name, { key, place, value, unreadable, version });
  }

  #watchRequest(revision: number) {
    const { key, rangeEnd } = this.#range;
    return {
      key,
      ...(rangeEnd !== undefined && { rangeEnd }),
      startRevision: revision + 1,
      progressNotify: true,
      fragment: true,
    };
  }

  #watchListener(delay: ReconnectDelay): WatchListener {
    return {
      // The revision in this answer is not looked at: the changes up to it are yet to come.
      created: () => {
        const now = Date.now();
        delay.works(now);
        const { reconnects } = this.#status;
        this.#setStatus({
          ...this.#status,
          state: 'synced',
          connectedSince: now,
          reconnects: reconnects === undefined ? 0 : reconnects + 1,
        });
      },
      changed: (events) => this.#apply(events),
      progressed: (revision) => {
        this.#revision = revision;
      },
    };
  }

  #apply(events: readonly WatchEvent[]): void {
    const { name, read } = this.#range;
    for (const { type, kv } of events) {
      const key = kv.key.toString();
      if (type === 'DELETE') this.#collector.delete(name, key);
      else this.#put(kv, key, read);
      this.#revision = kv.modRevision;
    }
    this.#listener.changed();
  }

  /** What follows from the end of a list or a watch; waits until the next attempt. */
  async #failed(session: EtcdSession, reason: EtcdError, delay: ReconnectDelay): Promise<void> {
    const { signal } = session;
    if (signal.aborted) return;
    try {
      if (reason.kind === 'unavailable' || reason.kind === 'unauthenticated') throw reason;
      if (reason.kind === 'denied' || reason.kind === 'stale-token') {
        if (await session.hasStaleStream(this.#range.key)) throw new EtcdError('stale-token', 'the login has expired');
      }
    } catch (error) {
      session.end(etcdError(error));
      return;
    }
    if (reason.kind === 'compacted') this.#revision = undefined;
    if (reason.kind === 'denied' && this.optional && !this.#told) this.#goWithout();
    this.away(`${this.#range.name}: ${reason.message}`);
    const pause = delay.failed(Date.now(), Math.random());
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }

  /** The snapshot need not wait for what the user may not read. */
  #goWithout(): void {
    this.#told = true;
    this.#collector.retain(this.#range.name, new Set());
    this.#listener.changed();
  }

  /** `words` say what went wrong, if anything did. */
  #setStatus(next: SourceStatus, words?: string): void {
    const now = Date.now();
    const { state, since, lastError } = this.#status;
    const isNews = next.state !== state || (words !== undefined && words !== lastError?.words);
    this.#status = {
      ...next,
      since: next.state === state ? since : now,
      ...(words !== undefined && { lastError: { words, at: now } }),
    };
    if (isNews) this.#listener.statusChanged();
  }
}

/** The first key that can follow the last one of a page. */
function after(kvs: readonly KeyValue[]): Buffer {
  return Buffer.concat([kvs[kvs.length - 1].key, Buffer.alloc(1)]);
}

function sizeOf(kvs: readonly KeyValue[]): number {
  return kvs.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
}

/**
 * The course of a list and watch of one resource as a state machine: what happened comes in with the time, what is to be done
 * goes out. Lists come in pages; the watch goes on from the list's resource version, and after a break from the last one that
 * was seen; only a revision that the server no longer has (410) leads to another list.
 */
import type { RawItem } from '../raw-item.ts';
import { ApiError } from './api-status.ts';
import type { ApiStatus } from './api-status.ts';

/** What a watch tells. */
export type WatchEvent =
  | { readonly type: 'put'; readonly item: RawItem; readonly revision: string }
  | { readonly type: 'delete'; readonly key: string; readonly revision: string }
  | { readonly type: 'bookmark'; readonly revision: string }
  | { readonly type: 'error'; readonly status: ApiStatus };

export type ReflectorInput =
  | { readonly type: 'start' | 'opened' | 'ended' | 'due' | 'ready' }
  /** All of it is elsewhere now. */
  | { readonly type: 'moved' }
  | { readonly type: 'page'; readonly items: readonly RawItem[]; readonly revision: string; readonly next?: string }
  | { readonly type: 'events'; readonly events: readonly WatchEvent[] }
  | { readonly type: 'refused'; readonly status: ApiStatus }
  | { readonly type: 'broken'; readonly words: string };

export type ReflectorEffect =
  /** Ask for a list, and come back with `page`, `refused` or `broken`. */
  | { readonly type: 'list'; readonly from: ListSource; readonly notBefore: string; readonly next?: string }
  /** Watch, and come back with `opened`, `events` and at the end `ended`, `refused` or `broken`. */
  | { readonly type: 'watch'; readonly revision: string }
  /** Find out whether the server knows all it serves; come back with `ready`, `refused` or `broken`. */
  | { readonly type: 'confirm' }
  /** Come back with `due`. */
  | { readonly type: 'wait'; readonly milliseconds: number }
  | { readonly type: 'replace'; readonly items: readonly RawItem[] }
  | { readonly type: 'put'; readonly item: RawItem }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'flush' | 'renew' }
  | { readonly type: 'status'; readonly state: 'synced' | 'away'; readonly words?: string };

/**
 * What the server has in `memory`, which may be a little older than its database, but no older than the revision
 * `notBefore`: so a thousand nodes may list at once. Where that fails `pages` of the present state, or `all` of it at once.
 */
export type ListSource = 'memory' | 'pages' | 'all';

export interface ReflectorOptions {
  /** Whether the snapshot is told without it where it may not be read. */
  readonly optional: boolean;
  /** Shortest and longest pause after a failure, and how seldom a resource that is not served is looked for, in milliseconds. */
  readonly firstPause: number;
  readonly longestPause: number;
  readonly missingPause: number;
  /** From 0 to 1, so that the nodes of a cluster don't all come at once. */
  readonly random: () => number;
}

/** A watch that lived this long, in milliseconds, was none that fails. */
const SETTLED = 5000;

type Phase = 'idle' | 'listing' | 'confirming' | 'watching' | 'waiting';

export class ReflectorMachine {
  readonly #options: ReflectorOptions;
  #phase: Phase = 'idle';
  /** What was last seen; undefined while it has to be listed. */
  #revision: string | undefined;
  /** The last that was ever seen: nothing older is to be told. `0` is any. */
  #newest = '0';
  #pages: RawItem[] = [];
  #next: string | undefined;
  #from: ListSource = 'memory';
  #confirmed = false;
  /** Whether anything was ever told, an empty list too. */
  #told = false;
  #read = false;
  #missing = false;
  /** Whether it is not served any more, which is not believed at first. */
  #vanished = false;
  #failures = 0;
  #openedAt = 0;

  constructor(options: ReflectorOptions) {
    this.#options = options;
  }

  /** The resource version that was last seen. */
  get revision(): string | undefined {
    return this.#revision;
  }

  /** Whether the server has ever said what there is. */
  get read(): boolean {
    return this.#read;
  }

  /** `now` in milliseconds, of any clock that does not go back. */
  handle(input: ReflectorInput, now: number): ReflectorEffect[] {
    switch (input.type) {
      case 'start':
      case 'due':
        return this.#proceed();
      case 'ready':
        this.#confirmed = true;
        return this.#proceed();
      case 'moved':
        this.#revision = undefined;
        this.#missing = false;
        this.#restartList();
        return this.#proceed();
      case 'page':
        return this.#page(input);
      case 'opened':
        this.#openedAt = now;
        return [{ type: 'status', state: 'synced' }];
      case 'events':
        return this.#events(input.events);
      case 'ended':
        return this.#ended(now);
      case 'refused':
        return this.#refused(input.status);
      case 'broken':
      default:
        return this.#fail(input.words);
    }
  }

  #proceed(): ReflectorEffect[] {
    if (this.#revision !== undefined) {
      this.#phase = 'watching';
      return [{ type: 'watch', revision: this.#revision }];
    }
    this.#phase = 'listing';
    const next = this.#next === undefined ? {} : { next: this.#next };
    return [{ type: 'list', from: this.#from, notBefore: this.#newest, ...next }];
  }

  #page({ items, revision, next }: Extract<ReflectorInput, { type: 'page' }>): ReflectorEffect[] {
    for (const item of items) this.#pages.push(item);
    this.#next = next;
    if (next !== undefined) return this.#proceed();
    const all = this.#pages;
    this.#restartList();
    this.#from = 'memory';
    this.#revision = revision;
    this.#newest = revision;
    this.#told = true;
    this.#read = true;
    this.#missing = false;
    this.#vanished = false;
    return [
      { type: 'replace', items: all },
      { type: 'flush' },
      { type: 'status', state: 'synced' },
      ...this.#proceed(),
    ];
  }

  #events(events: readonly WatchEvent[]): ReflectorEffect[] {
    const effects: ReflectorEffect[] = [];
    for (const event of events) {
      if (event.type === 'error') {
        // Whatever else the stream holds is of no use, and it need not end by itself.
        effects.push({ type: 'flush' }, ...this.#refused(event.status));
        return effects;
      }
      this.#failures = 0;
      this.#revision = event.revision;
      this.#newest = event.revision;
      if (event.type === 'put') effects.push({ type: 'put', item: event.item });
      if (event.type === 'delete') effects.push({ type: 'delete', key: event.key });
    }
    effects.push({ type: 'flush' });
    return effects;
  }

  /** The server ends each watch after the time it was asked for. */
  #ended(now: number): ReflectorEffect[] {
    if (now - this.#openedAt < SETTLED) return this.#pause(0);
    this.#failures = 0;
    return this.#proceed();
  }

  #refused(status: ApiStatus): ReflectorEffect[] {
    const { code, retryAfter = 0 } = status;
    if (code === 410) return this.#expired();
    if (code === 404) return this.#notFound();
    if (code === 403 && this.#options.optional && !this.#told) return this.#forbidden(status);
    // What is refused for how it was asked would be refused for ever.
    if (code < 500 && ![401, 403, 429].includes(code)) this.#listOtherwise();
    // The server has not come to the revision in time, and may never do.
    if (code === 504 && this.#from === 'memory') this.#listOtherwise();
    const failed = this.#fail(new ApiError(status).message, retryAfter * 1000);
    return code === 401 ? [{ type: 'renew' }, ...failed] : failed;
  }

  /** A server that has just started forbids what it will allow when it has read its roles, so this is for one that is ready. */
  #forbidden(status: ApiStatus): ReflectorEffect[] {
    if (!this.#confirmed) return this.#confirm();
    return [...this.#none(), ...this.#fail(new ApiError(status).message)];
  }

  /** The server has dropped the revision, of the watch or of the pages. */
  #expired(): ReflectorEffect[] {
    // A list from memory that is too old for a watch right away is of no use.
    if (this.#phase === 'listing' || this.#failures > 0) this.#listOtherwise();
    this.#revision = undefined;
    this.#restartList();
    if (this.#failures > 0) return this.#pause(0);
    this.#failures = 1;
    return this.#proceed();
  }

  /**
   * Nothing of the name is served. A server that has just started says so of custom resources too until it has read
   * their definitions, so this is believed only of one that is ready; and where something was served before only when it is
   * still so after a while: behind one address there may be several servers.
   */
  #notFound(): ReflectorEffect[] {
    this.#revision = undefined;
    this.#restartList(this.#confirmed);
    if (!this.#missing && !this.#confirmed) return this.#confirm();
    this.#confirmed = false;
    const before = this.#missing;
    if (this.#read && !before && !this.#vanished) {
      this.#vanished = true;
      return this.#fail(`the API server does not serve it any more (404)`, this.#options.missingPause);
    }
    this.#missing = true;
    this.#read = true;
    this.#failures = 0;
    this.#phase = 'waiting';
    const milliseconds = this.#options.missingPause * (0.75 + this.#options.random() / 2);
    return [...(before ? [] : this.#none()), { type: 'status', state: 'synced' }, { type: 'wait', milliseconds }];
  }

  #confirm(): ReflectorEffect[] {
    this.#restartList();
    this.#phase = 'confirming';
    return [{ type: 'confirm' }];
  }

  #none(): ReflectorEffect[] {
    this.#told = true;
    return [{ type: 'replace', items: [] }, { type: 'flush' }];
  }

  /** The next list is asked for in the next way. */
  #listOtherwise(): void {
    if (this.#phase === 'listing') this.#from = this.#from === 'memory' ? 'pages' : 'all';
    else this.#from = 'pages';
    this.#restartList();
  }

  #restartList(confirmed = false): void {
    this.#pages = [];
    this.#next = undefined;
    this.#confirmed = confirmed;
  }

  #fail(words: string, atLeast = 0): ReflectorEffect[] {
    this.#confirmed = false;
    return [{ type: 'status', state: 'away', words }, ...this.#pause(atLeast)];
  }

  /** Waits the longer the more often it failed in a row; then goes on where it was. */
  #pause(atLeast: number): ReflectorEffect[] {
    const { firstPause, longestPause, random } = this.#options;
    const pause = Math.min(longestPause, firstPause * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    this.#phase = 'waiting';
    const spread = 0.5 + random() / 2;
    return [
      { type: 'wait', milliseconds: Math.max(pause * spread, Math.min(atLeast, longestPause) * (1 + random() / 4)) },
    ];
  }
}

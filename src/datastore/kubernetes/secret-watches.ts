/** The Secrets that resources name, each watched by its name, so that no other one is ever read. */
import type { RawItem } from '../raw-item.ts';
import type { SourceStatus } from '../datastore.ts';
import type { Reflector, ReflectorListener } from './reflector.ts';

/** Who hears what the Secrets are. */
export interface SecretsListener {
  /** Each of the Secrets that were asked for at first was looked for; these were found. Called once, before the others. */
  found(items: readonly RawItem[]): void;
  put(item: RawItem): void;
  delete(key: string): void;
  flush(): void;
  status(): void;
}

interface Watched {
  readonly reflector: Reflector;
  item: RawItem | undefined;
  /** Whether it was looked for, with whatever success. */
  answered: boolean;
}

export class SecretWatches {
  readonly #open: (name: string, listener: ReflectorListener) => Reflector;
  readonly #listener: SecretsListener;
  readonly #watched = new Map<string, Watched>();
  #allAnswered = false;

  /** `open` makes the reflector of a name. */
  constructor(open: (name: string, listener: ReflectorListener) => Reflector, listener: SecretsListener) {
    this.#open = open;
    this.#listener = listener;
  }

  get statuses(): readonly SourceStatus[] {
    return Array.from(this.#watched.values(), ({ reflector }) => reflector.status);
  }

  /** From now on these are watched, and no others. */
  want(names: readonly string[]): void {
    for (const [name, watched] of this.#watched) if (!names.includes(name)) this.#drop(name, watched);
    for (const name of names) if (!this.#watched.has(name)) this.#add(name);
    this.#checkAnswered();
  }

  stop(): void {
    for (const { reflector } of this.#watched.values()) reflector.stop();
  }

  #add(name: string): void {
    const reflector = this.#open(name, {
      replace: ([item]) => this.#set(watched, item),
      put: (item) => this.#set(watched, item),
      delete: () => this.#set(watched, undefined),
      flush: () => this.#listener.flush(),
      status: () => {
        watched.answered = true;
        this.#checkAnswered();
        this.#listener.status();
      },
    });
    const watched: Watched = { reflector, item: undefined, answered: false };
    this.#watched.set(name, watched);
    reflector.start();
  }

  #drop(name: string, watched: Watched): void {
    watched.reflector.stop();
    this.#watched.delete(name);
    this.#set(watched, undefined);
    this.#listener.flush();
  }

  #set(watched: Watched, item: RawItem | undefined): void {
    const before = watched.item;
    watched.item = item;
    if (!this.#allAnswered) return;
    if (item !== undefined) this.#listener.put(item);
    else if (before !== undefined) this.#listener.delete(before.key);
  }

  #checkAnswered(): void {
    const all = [...this.#watched.values()];
    if (this.#allAnswered || !all.every(({ answered }) => answered)) return;
    this.#allAnswered = true;
    this.#listener.found(all.flatMap(({ item }) => (item === undefined ? [] : [item])));
    this.#listener.flush();
  }
}

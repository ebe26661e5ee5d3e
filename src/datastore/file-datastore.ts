/** The datastore that needs no server: files of manifests, watched. */
import { isDeepStrictEqual } from 'node:util';
import { changesBetween, contentsOf } from './contents.ts';
import type { Contents } from './contents.ts';
import { reasonOf } from './datastore-error.ts';
import type { Datastore, DatastoreListener, DatastoreStatus, SourceStatus } from './datastore.ts';
import { FileWatch } from './file-watch.ts';
import { ManifestTree } from './manifest-tree.ts';
import { withPodCidrBlocks } from './pod-cidr-blocks.ts';

/** Files are read when nothing has changed for this long, in milliseconds, so that nobody's half-done work is taken. */
const QUIET = 50;

/** But not later than this after the first change. */
const LONGEST_WAIT = 500;

/** How often files are read, in milliseconds, where they can't be read or watched. */
const RETRY_INTERVAL = 10_000;

export class FileDatastore implements Datastore {
  /** People write the files. */
  readonly writer = undefined;
  readonly #path: string;
  readonly #usePodCidr: boolean;
  readonly #tree: ManifestTree;
  #status: DatastoreStatus;
  #listener: DatastoreListener | undefined;
  /** Undefined until the files were read for the first time. */
  #contents: Contents | undefined;
  #watch: FileWatch | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the first of the changes came that were not read yet. */
  #changedAt: number | undefined;
  #reading: Promise<void> | undefined;

  /** `path` is a file or a directory, and may come to be later. `usePodCidr`: blocks are the pod CIDRs of the Nodes. */
  constructor(path: string, { usePodCidr = false }: { readonly usePodCidr?: boolean } = {}) {
    this.#path = path;
    this.#usePodCidr = usePodCidr;
    this.#tree = new ManifestTree(path);
    this.#status = this.#statusOf({ state: 'syncing', since: Date.now() });
  }

  get status(): DatastoreStatus {
    return this.#status;
  }

  start(listener: DatastoreListener): void {
    this.#listener = listener;
    this.#startReading();
  }

  async stop(): Promise<void> {
    this.#listener = undefined;
    clearTimeout(this.#timer);
    await this.#reading;
    this.#watch?.close();
  }

  #changed(): void {
    const now = Date.now();
    this.#changedAt ??= now;
    if (this.#reading !== undefined) return;
    this.#readIn(Math.max(0, Math.min(QUIET, this.#changedAt + LONGEST_WAIT - now)));
  }

  #readIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (this.#listener !== undefined) this.#timer = setTimeout(() => this.#startReading(), milliseconds);
  }

  #startReading(): void {
    this.#changedAt = undefined;
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
      // A change during the reading may have come too late for it.
      if (this.#changedAt !== undefined) this.#changed();
    });
  }

  /** Reads all, and tells the listener. */
  async #read(): Promise<void> {
    const watch = new FileWatch(() => this.#changed());
    let trouble: unknown;
    const tryToWatch = (place: () => void) => {
      try {
        place();
      } catch (error) {
        trouble = error;
      }
    };
    try {
      tryToWatch(() => watch.addAbove(this.#path));
      const files = await this.#tree.read((directory) => tryToWatch(() => watch.add(directory)));
      const { resources, problems } = contentsOf(files);
      this.#update({ resources: this.#usePodCidr ? withPodCidrBlocks(resources) : resources, problems });
      this.#setStatus('synced', trouble);
    } catch (error) {
      trouble = error;
      this.#setStatus('away', trouble);
    }
    this.#watch?.close();
    this.#watch = watch;
    if (trouble !== undefined) this.#readIn(RETRY_INTERVAL);
  }

  #update(contents: Contents): void {
    const before = this.#contents;
    this.#contents = contents;
    if (before === undefined) {
      this.#listener?.snapshot([...contents.resources.values()], contents.problems);
      return;
    }
    const changes = changesBetween(before.resources, contents.resources);
    if (changes.length === 0 && isDeepStrictEqual(before.problems, contents.problems)) return;
    this.#listener?.changes(changes, contents.problems);
  }

  /** `error` is what went wrong, if anything did. */
  #setStatus(state: DatastoreStatus['state'], error: unknown): void {
    const { state: lastState, since, lastError } = this.#status;
    const words = error === undefined ? undefined : reasonOf(error);
    if (state === lastState && (words === undefined || words === lastError?.words)) return;
    const now = Date.now();
    const newError = words === undefined ? lastError : { words, at: now };
    this.#status = this.#statusOf({
      state,
      since: state === lastState ? since : now,
      ...(newError !== undefined && { lastError: newError }),
    });
    this.#listener?.status(this.#status);
  }

  /** All files are one source. */
  #statusOf(status: Omit<SourceStatus, 'name'>): DatastoreStatus {
    return { type: 'file', ...status, sources: [{ name: this.#path, ...status }] };
  }
}

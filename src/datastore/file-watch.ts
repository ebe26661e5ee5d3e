/** Tells that something changed in directories that are watched. */
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { DatastoreError, hasCode, isMissing, reasonOf } from './datastore-error.ts';

/**
 * The watches of one reading of a tree. Each reading makes its own: a directory that was deleted and made again, or that a
 * link leads to, needs no care then.
 */
export class FileWatch {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #changed: () => void;

  /** `changed` is called whenever something may have changed. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Watches a directory, if it is there. Throws {@link DatastoreError} where it can't be watched. */
  add(directory: string): void {
    const error = this.#add(directory, directory, () => true);
    if (error !== undefined) throw unwatchable(directory, error);
  }

  /**
   * Watches for `path` itself to come, go or become another, in all directories above it that may be watched. Goes from
   * the top down, so that none can come unnoticed. Throws {@link DatastoreError} where the system gives no more watches.
   */
  addAbove(path: string): void {
    const absolute = resolve(path);
    const directory = dirname(absolute);
    if (directory !== dirname(directory)) this.addAbove(directory);
    const ours = basename(absolute);
    const error = this.#add(`above ${absolute}`, directory, (name) => name === null || name === ours);
    if (error !== undefined && !hasCode(error, 'EACCES')) throw unwatchable(directory, error);
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** What went wrong, unless nothing did or there is no such directory. */
  #add(key: string, directory: string, isOurs: (name: string | null) => boolean): unknown {
    if (this.#watchers.has(key)) return undefined;
    try {
      const watcher = watch(directory, { persistent: false }, (_, name) => {
        if (isOurs(name)) this.#changed();
      });
      watcher.on('error', this.#changed);
      this.#watchers.set(key, watcher);
      return undefined;
    } catch (error) {
      return isMissing(error) ? undefined : error;
    }
  }
}

function unwatchable(directory: string, error: unknown): DatastoreError {
  return new DatastoreError(`${directory} can't be watched for changes: ${reasonOf(error)}`, { cause: error });
}

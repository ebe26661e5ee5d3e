/** Reads all files of manifests at or below a path, and reads again only what has changed. */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { readFile, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatastoreError, isMissing, reasonOf } from './datastore-error.ts';
import type { SourcedProblem } from './datastore.ts';
import { readManifestFile } from './manifest-file.ts';
import type { ManifestFile } from './manifest-file.ts';

/** A file as it was read. */
interface FileState {
  /** Equal as long as the file is the same; undefined where it was so young that it may change unnoticed. */
  readonly signature: string | undefined;
  /** Of the text; undefined where it couldn't be read. */
  readonly digest: string | undefined;
  readonly content: ManifestFile;
}

const UNREAD = { signature: undefined, digest: undefined };

/** Age, in milliseconds, from which a change must have changed the times of a file. */
const SETTLED_AGE = 2000;

/** Called with every directory before it is read, so that it can be watched without a gap. */
type BeforeReading = (directory: string) => void;

export class ManifestTree {
  readonly #root: string;
  /** By path, in the order of the paths. */
  #files: ReadonlyMap<string, FileState> = new Map();

  /** `root` is a file or a directory; of a directory all `*.yaml`, `*.yml` and `*.json` below it are read. */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Reads what has changed since the last call, and gives all files in the order of their paths.
   * Throws {@link DatastoreError} where there is nothing at the path, or it can't be read.
   */
  async read(beforeReading: BeforeReading): Promise<readonly ManifestFile[]> {
    const found = await this.#list(beforeReading);
    const files = new Map<string, FileState>();
    for (const path of found.files.toSorted()) {
      const state = await this.#readFile(path);
      if (state !== undefined) files.set(path, state);
    }
    for (const directory of found.unreadable) this.#keepBelow(directory, files);
    this.#files = new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
    return [...this.#files.values()].map(({ content }) => content);
  }

  async #list(beforeReading: BeforeReading): Promise<Listing> {
    const listing: Listing = { files: [], unreadable: [] };
    try {
      const root = await stat(this.#root);
      if (root.isDirectory()) await listDirectory(this.#root, [], beforeReading, listing);
      else {
        await watchTarget(this.#root, beforeReading);
        listing.files.push(this.#root);
      }
    } catch (error) {
      throw new DatastoreError(`${this.#root} can't be read: ${reasonOf(error)}`, { cause: error });
    }
    return listing;
  }

  /** Undefined where the file is gone. One that can't be read keeps what it held. */
  async #readFile(path: string): Promise<FileState | undefined> {
    const before = this.#files.get(path);
    try {
      const signature = signatureOf(await stat(path, { bigint: true }));
      if (before?.signature !== undefined && before.signature === signature) return before;
      const text = await readFile(path, 'utf8');
      const digest = createHash('sha1').update(text).digest('base64');
      if (before?.digest === digest) return { ...before, signature };
      return { signature, digest, content: readManifestFile(path, text, before?.content.entries) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      return { ...UNREAD, content: unreadable(path, error, before?.content.entries) };
    }
  }

  /** What is below a directory that can't be read stays as it was. */
  #keepBelow({ path, error }: Unreadable, files: Map<string, FileState>): void {
    for (const [file, state] of this.#files) {
      if (file.startsWith(join(path, '/')) && !files.has(file)) files.set(file, state);
    }
    files.set(path, { ...UNREAD, content: unreadable(path, error, []) });
  }
}

interface Listing {
  readonly files: string[];
  readonly unreadable: Unreadable[];
}

interface Unreadable {
  readonly path: string;
  readonly error: unknown;
}

/** `above` are the real paths of the directories on the way here, against links that lead back to one of them. */
async function listDirectory(
  directory: string,
  above: readonly string[],
  beforeReading: BeforeReading,
  listing: Listing,
): Promise<void> {
  const real = await realpath(directory);
  if (above.includes(real)) return;
  beforeReading(directory);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    // Also the directories in which Kubernetes keeps the versions of a ConfigMap, and the files that editors make.
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    try {
      const isDirectory = entry.isSymbolicLink() ? (await stat(path)).isDirectory() : entry.isDirectory();
      if (isDirectory) await listDirectory(path, [...above, real], beforeReading, listing);
      else if (/\.(?:ya?ml|json)$/.test(path)) {
        if (entry.isSymbolicLink()) await watchTarget(path, beforeReading);
        listing.files.push(path);
      }
    } catch (error) {
      if (!isMissing(error)) listing.unreadable.push({ path, error });
    }
  }
}

/** A file that is a link changes where the link leads to. */
async function watchTarget(path: string, beforeReading: BeforeReading): Promise<void> {
  const target = dirname(await realpath(path));
  if (target !== (await realpath(dirname(path)))) beforeReading(target);
}

function signatureOf({ dev, ino, size, mtimeNs, ctimeNs, mtimeMs, ctimeMs }: BigIntStats): string | undefined {
  const youngest = Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
  return Date.now() - youngest < SETTLED_AGE ? undefined : [dev, ino, size, mtimeNs, ctimeNs].join();
}

function unreadable(path: string, error: unknown, entries: ManifestFile['entries'] = []): ManifestFile {
  const problem: SourcedProblem = {
    source: path,
    path: [],
    message: `can't be read: ${reasonOf(error)}`,
    severity: 'error',
  };
  return { entries, problems: [problem] };
}

/**
 * The file of the last known state. Lines of JSON: a header, a resource each, the sealed Secrets where they are kept, and last
 * the checksum of all lines before.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { seal, unseal } from './cache-secrets.ts';
import { isMissing, reasonOf } from './datastore-error.ts';
import { inSlices } from './slices.ts';

/** Grows when an older daemon could not read what is written. */
const VERSION = 1;

/** The file tells of the whole cluster, and nobody else needs it. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Text is written in pieces of about this many characters. */
const PIECE = 256 * 1024;

/** Whose state it is. */
export interface CacheSource {
  readonly type: 'etcd' | 'kubernetes';
  readonly node: string;
  /** Where the datastore is; two sources are the same if they share one of these. */
  readonly places: readonly string[];
}

const header = z.object({
  format: z.literal('starling last known state'),
  version: z.int(),
  source: z.object({ type: z.string(), node: z.string(), places: z.array(z.string()) }),
  writtenAt: z.number(),
  resources: z.int(),
  secrets: z.object({ left: z.int(), sealed: z.boolean() }),
});
type Header = z.infer<typeof header>;

const sealedSecrets = z.object({ nonce: z.string(), tag: z.string(), data: z.string() });

/** What a file held. */
export interface CacheContents {
  readonly resources: readonly AnyResource[];
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
  /** Why there are no Secrets in it, if there were any. */
  readonly secretsMissing: 'left out' | 'key' | undefined;
}

/** Why a file can't be used, in words that follow its path. */
export class CacheUnusable extends Error {
  readonly code = 'CACHE_UNUSABLE';

  constructor(message: string) {
    super(message);
    this.name = 'CacheUnusable';
  }
}

/**
 * Writes all resources in place of what the file held: whoever reads it finds the one or the other, also after a loss of power.
 * Without a key, Secrets are left out. Rejects with the error of the file system.
 */
export async function writeCache(
  path: string,
  source: CacheSource,
  resources: readonly AnyResource[],
  key: Uint8Array | undefined,
  now: number,
): Promise<void> {
  const secrets = resources.filter(({ kind }) => kind === 'Secret');
  const rest = resources.filter(({ kind }) => kind !== 'Secret');
  const head: Header = {
    format: 'starling last known state',
    version: VERSION,
    source: { ...source, places: [...source.places] },
    writtenAt: now,
    resources: rest.length,
    secrets: { left: key === undefined ? secrets.length : 0, sealed: key !== undefined },
  };
  await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', FILE_MODE);
  try {
    await writeLines(
      file,
      head,
      rest,
      key === undefined ? undefined : seal(JSON.stringify(secrets), key, bond(source)),
    );
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Makes a renaming in it last. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function writeLines(file: FileHandle, head: Header, rest: readonly AnyResource[], sealed: object | undefined) {
  const hash = createHash('sha256');
  const pieces: string[] = [];
  let piece = '';
  const add = (line: object): void => {
    piece += `${JSON.stringify(line)}\n`;
    if (piece.length >= PIECE) cut();
  };
  const cut = (): void => {
    hash.update(piece);
    pieces.push(piece);
    piece = '';
  };
  add(head);
  await inSlices(rest, add);
  if (sealed !== undefined) add(sealed);
  cut();
  for (const text of pieces) await file.write(text);
  await file.write(`${JSON.stringify({ sha256: hash.digest('hex') })}\n`);
}

/**
 * Reads the file for `source`. Undefined where there is none. Rejects with {@link CacheUnusable} where it is damaged, of
 * another node or datastore, or written by a newer version.
 */
export async function readCache(
  path: string,
  source: CacheSource,
  key: Uint8Array | undefined,
): Promise<CacheContents | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new CacheUnusable(`can't be read: ${reasonOf(error)}`);
  }
  const [first, ...lines] = checkedLines(text);
  const head = readHeader(first, source);
  const resources: AnyResource[] = [];
  const take = (value: unknown): void => {
    const parsed = parseResource(value);
    // What an older version took for valid may not be now.
    if (parsed.ok) resources.push(parsed.resource);
  };
  await inSlices(lines.slice(0, head.resources), (line) => take(parseJson(line)));
  const { left, sealed } = head.secrets;
  const opened = sealed && key !== undefined ? openSecrets(lines[head.resources], key, source) : undefined;
  for (const secret of opened ?? []) take(secret);
  const missing = sealed && opened === undefined ? 'key' : undefined;
  return { resources, writtenAt: head.writtenAt, secretsMissing: left > 0 ? 'left out' : missing };
}

/** The lines without the checksum, which is right. */
function checkedLines(text: string): string[] {
  const end = text.lastIndexOf('\n', text.length - 2) + 1;
  const body = text.slice(0, end);
  const sum = createHash('sha256').update(body).digest('hex');
  if (text.slice(end) !== `${JSON.stringify({ sha256: sum })}\n`) {
    throw new CacheUnusable('is damaged: its checksum is not that of its contents');
  }
  return body.split('\n').slice(0, -1);
}

function readHeader(line: string, source: CacheSource): Header {
  const written = z.object({ version: z.int() }).safeParse(parseJson(line));
  if (written.data !== undefined && written.data.version > VERSION) {
    throw new CacheUnusable(`was written by a newer version (its format is ${written.data.version}, not ${VERSION})`);
  }
  const parsed = header.safeParse(parseJson(line));
  if (!parsed.success) throw new CacheUnusable('is not a file of the last known state');
  const { type, node, places } = parsed.data.source;
  if (node !== source.node) throw new CacheUnusable(`is that of node "${node}", not of "${source.node}"`);
  if (type !== source.type || !places.some((place) => source.places.includes(place))) {
    const here = `${source.type} at ${source.places.join(', ')}`;
    throw new CacheUnusable(`is that of another datastore: ${type} at ${places.join(', ')}, not ${here}`);
  }
  return parsed.data;
}

function openSecrets(line: string | undefined, key: Uint8Array, source: CacheSource): unknown[] | undefined {
  const sealed = sealedSecrets.safeParse(parseJson(line ?? ''));
  const text = sealed.success ? unseal(sealed.data, key, bond(source)) : undefined;
  const secrets = text === undefined ? undefined : parseJson(text);
  return Array.isArray(secrets) ? secrets : undefined;
}

/** What sealed Secrets belong to: they are worth nothing in the file of another node. */
function bond({ type, node }: CacheSource): string {
  return `${type} ${node}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

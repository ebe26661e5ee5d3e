import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { CacheUnusable, readCache, writeCache } from './cache-file.ts';
import type { CacheSource } from './cache-file.ts';
import { cacheKey } from './cache-secrets.ts';

const SOURCE: CacheSource = { type: 'etcd', node: 'node-1', places: ['https://a:2379', 'https://b:2379'] };
const KEY = cacheKey(Buffer.alloc(32, 7));
const WRITTEN = 1_700_000_000_000;

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'starling-cache-'));
  path = join(directory, 'deep', 'etcd.json');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function resource(manifest: object): AnyResource {
  const parsed = parseResource(manifest);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
}

const V3 = 'projectcalico.org/v3';
const peer = resource({
  apiVersion: V3,
  kind: 'BGPPeer',
  metadata: { name: 'tor' },
  spec: { peerIP: '::1', asNumber: 1 },
});
const node = resource({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node-1', annotations: { 'projectcalico.org/IPv4Address': '10.0.0.1/24' } },
  spec: {},
});
const secret = resource({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'bgp', namespace: 'kube-system' },
  stringData: { password: 'correct horse' },
});
const ALL = [peer, node, secret];

const write = (key?: Uint8Array) => writeCache(path, SOURCE, ALL, key, WRITTEN);
const read = (key?: Uint8Array, source = SOURCE) => readCache(path, source, key);

describe('the file of the last known state', () => {
  it('gives back what was written, without Secrets where there is no key', async () => {
    await write();
    expect(await read()).toEqual({ resources: [peer, node], writtenAt: WRITTEN, secretsMissing: 'left out' });
    expect(readFileSync(path, 'utf8')).not.toContain('"kind":"Secret"');
  });

  it('keeps Secrets encrypted where there is one', async () => {
    await write(KEY);
    expect(await read(KEY)).toEqual({ resources: ALL, writtenAt: WRITTEN, secretsMissing: undefined });
    const text = readFileSync(path, 'utf8');
    expect(text).not.toContain(Buffer.from('correct horse').toString('base64'));
    expect(text).not.toContain('correct horse');
  });

  it('gives everything but the Secrets to another key, or none', async () => {
    await write(KEY);
    const rest = { resources: [peer, node], writtenAt: WRITTEN, secretsMissing: 'key' };
    expect(await read(cacheKey(Buffer.alloc(32, 8)))).toEqual(rest);
    expect(await read()).toEqual(rest);
  });

  it('is there as a whole, for its owner only, and leaves nothing beside it', async () => {
    expect(await read()).toBeUndefined();
    await write();
    chmodSync(path, 0o644);
    writeFileSync(`${path}.new`, 'half of an earl');
    await write();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'deep')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(directory, 'deep'))).toEqual(['etcd.json']);
  });

  it('is refused wherever it is cut short or changed', async () => {
    await write(KEY);
    const text = readFileSync(path, 'utf8');
    const places = [0, 1, 100, text.indexOf('\n') + 1, text.length - 90, text.length - 1];
    for (const place of places) {
      writeFileSync(path, text.slice(0, place));
      await expect(read(KEY), `cut at ${place}`).rejects.toThrow('is damaged');
    }
    for (const place of places.slice(1)) {
      const flipped = text[place] === 'x' ? 'y' : 'x';
      writeFileSync(path, text.slice(0, place) + flipped + text.slice(place + 1));
      await expect(read(KEY), `changed at ${place}`).rejects.toThrow('is damaged');
    }
  });

  it('is refused by another node and for another datastore, but not where one endpoint is the same', async () => {
    await write();
    await expect(read(KEY, { ...SOURCE, node: 'node-2' })).rejects.toThrow('is that of node "node-1", not of "node-2"');
    await expect(read(KEY, { ...SOURCE, places: ['https://c:2379'] })).rejects.toThrow(
      'is that of another datastore: etcd at https://a:2379, https://b:2379, not etcd at https://c:2379',
    );
    await expect(read(KEY, { ...SOURCE, type: 'kubernetes' })).rejects.toThrow('is that of another datastore');
    expect(await read(KEY, { ...SOURCE, places: ['https://b:2379', 'https://c:2379'] })).toBeDefined();
  });

  /** Writes these lines with the right checksum. */
  const forge = (body: string): void => {
    const sha256 = createHash('sha256').update(body).digest('hex');
    writeFileSync(path, `${body}${JSON.stringify({ sha256 })}\n`);
  };

  it('is no more than refused whatever is in it', async () => {
    await write(KEY);
    const [head, ...lines] = readFileSync(path, 'utf8').split('\n');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.json(), fc.string(), fc.constantFrom(...lines))), async (others) => {
        forge(`${[head, ...others].join('\n')}\n`);
        expect((await read(KEY))?.writtenAt).toBe(WRITTEN);
        forge(`${others.join('\n')}\n`);
        await expect(read(KEY)).rejects.toThrow(CacheUnusable);
      }),
      { numRuns: 25 },
    );
  });

  it('is refused where a newer version wrote it', async () => {
    await write();
    const [head] = readFileSync(path, 'utf8').split('\n');
    forge(`${head.replace('"version":1', '"version":2')}\n`);
    await expect(read()).rejects.toThrow('was written by a newer version (its format is 2, not 1)');
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CachedDatastore } from './cached-datastore.ts';
import { CombinedDatastore } from './combined-datastore.ts';
import { createDatastore } from './create-datastore.ts';
import type { DatastoreSettings } from './create-datastore.ts';
import { FileDatastore } from './file-datastore.ts';
import type { Purpose } from './purpose.ts';
import { UnlockedDatastore } from './unlocked-datastore.ts';

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'starling-create-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const ETCD = {
  endpoints: ['http://127.0.0.1:2379'],
  discoverySrv: '',
  keyFile: '',
  certFile: '',
  caFile: '',
  username: '',
  password: '',
  passwordFile: '',
  manifestsPath: '',
};

function create(type: DatastoreSettings['type'], more: Partial<DatastoreSettings> = {}, purpose: Purpose = 'routing') {
  const kubernetes = { kubeconfig: '', apiGroup: 'auto' as const, usePodCidr: false };
  const settings = { file: { path: directory }, etcd: ETCD, kubernetes, cache: directory, cacheKeyFile: '' };
  const node = { nodeName: 'node-1', namespace: 'kube-system' };
  return createDatastore({ type, ...settings, ...more }, node, purpose);
}

function kubeconfig(): string {
  const path = join(directory, 'kubeconfig');
  writeFileSync(
    path,
    `current-context: b
contexts: [{ name: a, context: { cluster: a } }, { name: b, context: { cluster: b } }]
clusters: [{ name: a, cluster: { server: https://a } }, { name: b, cluster: { server: https://b } }]
`,
  );
  return path;
}

describe('createDatastore', () => {
  it('makes what the configuration asks for, behind its last known state', async () => {
    expect(await create('file')).toBeInstanceOf(FileDatastore);
    expect(await create('etcd')).toBeInstanceOf(CachedDatastore);
    expect(await create('etcd', { cache: '' })).toBeInstanceOf(UnlockedDatastore);
    const kubernetes = { kubeconfig: kubeconfig(), apiGroup: 'auto' as const, usePodCidr: false };
    expect(await create('kubernetes', { kubernetes })).toBeInstanceOf(CachedDatastore);
    expect(await create('kubernetes', { kubernetes, cache: '' })).toBeInstanceOf(UnlockedDatastore);
  });

  it('adds to etcd what it lacks', async () => {
    const kubernetes = { kubeconfig: kubeconfig(), apiGroup: 'auto' as const, usePodCidr: false };
    expect(await create('etcd', { etcd: { ...ETCD, manifestsPath: directory } })).toBeInstanceOf(CombinedDatastore);
    expect(await create('etcd', { kubernetes })).toBeInstanceOf(CombinedDatastore);
  });

  it('keeps nothing on disk for policies, which the kernel has', async () => {
    const kubernetes = { kubeconfig: kubeconfig(), apiGroup: 'auto' as const, usePodCidr: false };
    expect(await create('etcd', {}, 'policy')).toBeInstanceOf(UnlockedDatastore);
    expect(await create('kubernetes', { kubernetes }, 'policy')).toBeInstanceOf(UnlockedDatastore);
    expect(await create('etcd', { kubernetes }, 'policy')).toBeInstanceOf(CombinedDatastore);
  });

  it('says which file is missing', async () => {
    const missing = join(directory, 'nowhere');
    await expect(create('etcd', { cacheKeyFile: missing })).rejects.toThrow(
      `datastore.cacheKeyFile ${missing} can't be read: no such file or directory`,
    );
    const kubernetes = { kubeconfig: missing, apiGroup: 'auto' as const, usePodCidr: false };
    await expect(create('kubernetes', { kubernetes })).rejects.toThrow(
      `${missing} can't be read: no such file or directory`,
    );
  });
});

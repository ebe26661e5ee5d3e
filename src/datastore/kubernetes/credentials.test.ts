import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Credentials } from './credentials.ts';

let folder: string;
let credentials: Credentials | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-credentials-'));
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
});

afterEach(() => {
  credentials?.close();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function kubeconfig(user: object, cluster: object = {}): string {
  return write(
    'config.yaml',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: 'https://192.0.2.1:6443/k8s/c-1', ...cluster } }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
}

describe('Credentials', () => {
  it('gives the server and the token of a kubeconfig file', async () => {
    credentials = new Credentials(kubeconfig({ token: 'abc' }));
    const access = await credentials.access();
    expect(access).toMatchObject({
      server: 'https://192.0.2.1:6443/k8s/c-1',
      headers: { Authorization: 'Bearer abc' },
    });
    expect(await credentials.access()).toBe(access);
  });

  it('takes the file that KUBECONFIG names, where the configuration names none', async () => {
    vi.stubEnv('KUBECONFIG', kubeconfig({ username: 'me', password: 'pass' }));
    credentials = new Credentials('');
    expect((await credentials.access()).headers).toEqual({ Authorization: `Basic ${btoa('me:pass')}` });
  });

  it('reads a token file again when it is told to, and keeps its connections', async () => {
    write('token', 'first\n');
    credentials = new Credentials(kubeconfig({ tokenFile: 'token' }));
    const first = await credentials.access();
    expect(first.headers).toEqual({ Authorization: 'Bearer first' });
    write('token', 'second\n');
    expect((await credentials.access()).headers).toEqual({ Authorization: 'Bearer first' });
    credentials.renew();
    const second = await credentials.access();
    expect(second.headers).toEqual({ Authorization: 'Bearer second' });
    expect(second.agent).toBe(first.agent);
  });

  it('takes another way to the server where its certificate authority is another', async () => {
    write('ca.crt', 'one');
    credentials = new Credentials(kubeconfig({ token: 'abc' }, { 'certificate-authority': 'ca.crt' }));
    const { agent } = await credentials.access();
    write('ca.crt', 'two');
    credentials.renew();
    expect((await credentials.access()).agent).not.toBe(agent);
  });

  it('asks a program for the token', async () => {
    const answer = { kind: 'ExecCredential', status: { token: 'from-program' } };
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'echo', args: [JSON.stringify(answer)] };
    credentials = new Credentials(kubeconfig({ exec }));
    expect((await credentials.access()).headers).toEqual({ Authorization: 'Bearer from-program' });
  });

  it('says what to do where there is nothing to go by, and tries again', async () => {
    credentials = new Credentials('');
    await expect(credentials.access()).rejects.toThrow('neither datastore.kubernetes.kubeconfig nor KUBECONFIG');
    vi.stubEnv('KUBECONFIG', kubeconfig({ token: 'abc' }));
    expect((await credentials.access()).server).toBe('https://192.0.2.1:6443/k8s/c-1');
  });

  it.each([
    ['text without end', 'users:\n- user:\n    token: "hunter2\n  x: ['],
    ['two values in one', 'users:\n- user:\n    token: hunter2: x\n'],
    ['an alias without anchor', 'users: *hunter2\n'],
    ['a tag without meaning', 'users: !hunter2 x\n'],
    ['a key twice', 'users: []\nusers: hunter2\n'],
  ])('does not quote what it can not read: %s', async (_, text) => {
    credentials = new Credentials(write('config.yaml', text));
    const error: unknown = await credentials.access().catch((reason: unknown) => reason);
    expect(String(error)).toMatch(/config\.yaml(:\d+:\d+)?: is not the YAML of a kubeconfig file$/);
    expect(inspect(error)).not.toContain('hunter2');
  });

  it('does not quote what a credential program says either', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'echo', args: ['{"token": hunter2'] };
    credentials = new Credentials(kubeconfig({ exec }));
    const error: unknown = await credentials.access().catch((reason: unknown) => reason);
    expect(String(error)).toContain('its credential program has given something that is not JSON');
    expect(inspect(error)).not.toContain('hunter2');
  });

  it.each([
    ['not there', undefined, 'no such file or directory'],
    ['no YAML', '{', 'config.yaml:1:2: is not the YAML of a kubeconfig file'],
    ['empty', '{}', 'names no cluster'],
  ])('names a file that is %s', async (_, text, words) => {
    const path = join(folder, 'config.yaml');
    if (text !== undefined) writeFileSync(path, text);
    credentials = new Credentials(path);
    await expect(credentials.access()).rejects.toThrow(words);
    await expect(credentials.access()).rejects.toThrow(path);
  });
});

import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { waitFor } from '../../test/support/wait-for.ts';
import type { Endpoint } from '../policy/endpoint.ts';
import type { LocalWorkload, ModelChanges } from '../policy/model.ts';
import { EndpointFiles } from './endpoint-files.ts';

let prefix: string;
beforeEach(() => {
  prefix = mkdtempSync(join(tmpdir(), 'starling-files-'));
});
afterEach(() => rmSync(prefix, { recursive: true }));

const directory = () => join(prefix, 'endpoint-status');

function changesOf(workloads: Readonly<Record<string, string | undefined>>): ModelChanges {
  const locals = Object.entries(workloads).map(([interfaceName, endpoint]): [string, LocalWorkload | undefined] => [
    interfaceName,
    endpoint === undefined ? undefined : { interfaceName, endpoint, ingress: 'i', egress: 'e', spoofable: [] },
  ]);
  const none = { policies: new Map(), profiles: new Map(), rules: new Map(), hosts: new Map() };
  return { sets: [], ...none, workloads: new Map(locals), departed: [], settings: undefined };
}

function filesOf(troubles: string[] = []): EndpointFiles {
  const endpoint = (key: string): Endpoint => {
    const [kind, name] = key.split(' ');
    const labels: Record<string, string> = kind === 'Pod' ? { 'projectcalico.org/orchestrator': 'k8s' } : {};
    const addresses = ['10.65.0.2', 'fd65::2'];
    return { key, kind: 'workload', name, labels, profiles: [], addresses, ports: [] };
  };
  return new EndpointFiles({ prefix, endpoint, troubled: (words) => troubles.push(words) });
}

it('writes a file for each pod in force under the name of Felix, and removes it, also one of an earlier run', async () => {
  mkdirSync(directory());
  writeFileSync(join(directory(), 'k8s x%2Fgone eth0'), '');
  writeFileSync(join(directory(), 'other'), '');
  const files = filesOf();
  files.inForce(changesOf({ cali0: 'Pod x/a', cali1: 'Pod x/b', tap0: 'WorkloadEndpoint x/vm' }));
  await files.stop();
  expect(readdirSync(directory()).sort()).toEqual(['k8s x%2Fa eth0', 'k8s x%2Fb eth0', 'other']);
  expect(JSON.parse(readFileSync(join(directory(), 'k8s x%2Fa eth0'), 'utf8'))).toEqual({
    ifaceName: 'cali0',
    ipv4Nets: ['10.65.0.2/32'],
    ipv6Nets: ['fd65::2/128'],
  });
  files.inForce(changesOf({ cali0: undefined }));
  files.inForce(changesOf({ cali2: 'Pod x/c' }));
  await files.stop();
  expect(readdirSync(directory()).sort()).toEqual(['k8s x%2Fb eth0', 'k8s x%2Fc eth0', 'other']);
});

it('says once what keeps it from writing, and writes what is missing later', async () => {
  writeFileSync(directory(), 'in the way');
  const troubles: string[] = [];
  const files = filesOf(troubles);
  for (const name of ['a', 'b']) {
    files.inForce(changesOf({ [name]: `Pod x/${name}` }));
    await files.stop();
  }
  expect(troubles).toEqual([expect.stringContaining('EEXIST')]);
  rmSync(directory());
  files.inForce(changesOf({ c: 'Pod x/c' }));
  await files.stop();
  expect(readdirSync(directory())).toHaveLength(3);
});

it('keeps the file of a pod that is at another interface', async () => {
  const files = filesOf();
  files.inForce(changesOf({ cali0: 'Pod x/a' }));
  files.inForce(changesOf({ cali1: 'Pod x/a', cali0: undefined }));
  await files.stop();
  expect(JSON.parse(readFileSync(join(directory(), 'k8s x%2Fa eth0'), 'utf8'))).toMatchObject({ ifaceName: 'cali1' });
});

it('tries again what could not be written, without a change, and with all that was lost', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const files = filesOf();
    files.inForce(changesOf({ cali0: 'Pod x/a' }));
    await files.stop();
    rmSync(directory(), { recursive: true });
    files.inForce(changesOf({ cali1: 'Pod x/b' }));
    await waitFor(() => vi.getTimerCount() === 1, { what: 'the failure' });
    vi.advanceTimersByTime(1000);
    const names = () => (existsSync(directory()) ? readdirSync(directory()) : []);
    expect(await waitFor(names, { what: 'both files', accept: ({ length }) => length === 2 })).toHaveLength(2);
  } finally {
    vi.useRealTimers();
  }
});

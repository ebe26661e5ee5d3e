import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../../test/support/cli-world.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'starling-validate-'));
  await mkdir(join(directory, 'resources'));
});

afterEach(() => rm(directory, { recursive: true }));

async function validate(...argv: readonly string[]): Promise<{ code: number; out: string }> {
  const { code, out, err } = await runCli(['config', 'validate', ...argv]);
  return { code, out: (out + err).replaceAll(directory, '') };
}

const PEER = `apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: tor-a }
spec: { peerIP: 10.0.0.254, asNumber: 64601 }
`;

const NODE = `---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: node-1 }
spec: { bgp: { ipv4Address: 10.0.0.1/24 } }
`;

async function writeResources(text: string): Promise<void> {
  await writeFile(join(directory, 'resources', 'all.yaml'), text);
}

async function writeConfig(text: string): Promise<string> {
  const path = join(directory, 'starlingd.yaml');
  await writeFile(path, text.replaceAll('DIR', directory));
  return path;
}

describe('starling config validate with another datastore', () => {
  it('checks its settings, and no resources', async () => {
    const good = await writeConfig('datastore: { type: etcd, etcd: { endpoints: [http://127.0.0.1:2379] } }');
    expect(await validate('--config', good)).toEqual({ code: 0, out: '/starlingd.yaml: valid, 0 resources\n' });
    const bad = await writeConfig('datastore: { type: etcd }');
    expect(await validate('--config', bad)).toMatchObject({
      code: 2,
      out: expect.stringContaining('datastore.etcd.endpoints is required'),
    });
  });
});

describe('starling config validate', () => {
  it('finds nothing wrong with what is right', async () => {
    await writeResources(PEER + NODE);
    expect(await validate(join(directory, 'resources'))).toEqual({ code: 0, out: '/resources: valid, 2 resources\n' });
    const config = await writeConfig('nodeName: node-1\ndatastore: { type: file, file: { path: DIR/resources } }\n');
    expect(await validate('--config', config)).toEqual({
      code: 0,
      out: '/starlingd.yaml, /resources: valid, 2 resources\n',
    });
  });

  it('names file, line and field of a resource that is wrong', async () => {
    await writeResources(PEER.replace('10.0.0.254', '10.0.0.954'));
    const { code, out } = await validate(join(directory, 'resources'));
    expect(code).toBe(2);
    expect(out).toMatch(/^\/resources\/all\.yaml:4:\d+: error: BGPPeer .?tor-a.*spec\.peerIP/);
    expect(out).toMatch(/: not valid, 0 resources, 1 error\n$/);
  });

  it('names file, line and field of a configuration that is wrong', async () => {
    const config = await writeConfig('nodeName: node-1\nfib:\n  maxPath: 4\n');
    const { code, out } = await validate('--config', config);
    expect(code).toBe(2);
    expect(out).toMatch(/^\/starlingd\.yaml:3:\d+: error: fib\.maxPath is not a known field/);
  });

  it('warns of what this node can not do with resources that are well written', async () => {
    await writeResources(PEER);
    const config = await writeConfig('nodeName: node-1\ndatastore: { file: { path: DIR/resources } }\n');
    const { code, out } = await validate('--config', config);
    expect(code).toBe(0);
    expect(out).toMatch(/^node node-1: warning: .*node-1/m);
  });

  it('warns of policies that the policy agent of the node would report', async () => {
    const policy = `apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: { name: early }
spec: { tier: platform }
`;
    await writeResources(policy + NODE);
    const config = await writeConfig('nodeName: node-1\ndatastore: { file: { path: DIR/resources } }\n');
    const { code, out } = await validate('--config', config);
    expect(code).toBe(0);
    expect(out).toMatch(/^GlobalNetworkPolicy\/early: warning: .*spec\.tier: there is no Tier "platform"/m);
  });

  it('warns of a peer whose password is not there', async () => {
    const peer = PEER.replace('64601 }', '64601, password: { secretKeyRef: { name: bgp, key: tor } } }');
    await writeResources(peer + NODE);
    const config = await writeConfig(
      'nodeName: node-1\nnamespace: routing\ndatastore: { file: { path: DIR/resources } }\n',
    );
    const { code, out } = await validate('--config', config);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^node node-1: warning: Peer 10\.0\.0\.254 is held down: .* no Secret "bgp" in namespace "routing"/m,
    );
  });

  it('says so when there is nothing to read, and gives all of it as JSON', async () => {
    const { code, out } = await validate(join(directory, 'nothing'), '-o', 'json');
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      checked: ['/nothing'],
      resources: 0,
      valid: false,
      problems: [{ severity: 'error', where: '/nothing', message: expect.stringContaining('no such file') }],
    });
  });
});

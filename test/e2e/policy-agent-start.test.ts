/** starling-policyd where it starts and stops: when the kernel's table comes, stays and goes, and with which exit code it ends. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNamespace } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { CommandError, run } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import type { Scratch } from '../support/scratch.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { TestAgent } from './policy-agent.ts';

const NEEDS = { root: true, programs: ['ip', 'nft'] } as const;

const POLICY = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: { name: web }
spec: { selector: 'app == "web"', ingress: [{ action: Allow, protocol: TCP, destination: { ports: [80] } }] }
`;
const WEB = `
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: { name: node--1-vm-web-eth0, namespace: default, labels: { app: web } }
spec: { orchestrator: vm, workload: web, node: node-1, endpoint: eth0, interfaceName: cali0, ipNetworks: [10.65.0.2/32] }
`;

let space: Namespace;
let resources: Scratch;

beforeEach((ctx) => {
  requireOrSkip(ctx, NEEDS);
  space = createNamespace('agent');
  resources = createScratch('agent');
  resources.write('web.yaml', `${POLICY}---${WEB}`);
});
afterEach(() => {
  if (missingHere(NEEDS) !== undefined) return;
  space[Symbol.dispose]();
  resources[Symbol.dispose]();
});

function nft(...argv: string[]): Promise<string> {
  return run(['nft', ...argv], { space });
}

/** The table of the kernel; empty where there is none. */
async function table(): Promise<string> {
  try {
    return await nft('list', 'table', 'inet', 'starling_policy');
  } catch (error) {
    if (error instanceof CommandError && error.message.includes('No such file')) return '';
    throw error;
  }
}

function fromFiles(policy: object = {}): TestAgent {
  return new TestAgent(space, { datastore: { file: { path: resources.path } }, policy });
}

describe('starling-policyd', () => {
  it('exits with 2 where its configuration is wrong, and says where', async () => {
    await using agent = fromFiles({ defaultEndpointToHostAction: 'Maybe' });
    const wrong = agent.launch();
    expect(await wrong.ended).toBe(2);
    expect(wrong.output()).toMatch(/starling\.yaml:\d+:\d+: policy\.defaultEndpointToHostAction must be /);
    expect(await table()).toBe('');
  });

  it('leaves the rules of an earlier run alone until it knows all resources', async () => {
    await nft('add table inet starling_policy; add chain inet starling_policy earlier');
    const earlier = await table();
    await using agent = new TestAgent(space, {
      datastore: { type: 'etcd', etcd: { endpoints: ['http://127.0.0.1:1'] } },
    });
    agent.launch();
    const status = await waitFor(() => agent.status().catch(() => undefined), {
      what: 'a failed attempt to read the datastore',
      accept: (answer) => answer !== undefined && answer.datastore.lastError !== null,
    });
    expect(status?.ruleset).toMatchObject({ inSync: false, appliedAt: null });
    expect(await table()).toBe(earlier);
    expect(await agent.end('SIGTERM')).toBe(0);
    expect(await table()).toBe(earlier);
  });

  it('keeps its table over a restart, and takes it away for good', async () => {
    await using agent = fromFiles();
    await agent.start();
    const rules = await table();
    expect(rules).toContain('"cali0" : goto');
    expect(await agent.end('SIGTERM')).toBe(0);
    expect(agent.log).toContain('stops for a restart: table inet starling_policy stays in the kernel');
    expect(await table()).toBe(rules);
    // What is different by then is in force when it has started again.
    resources.write('web.yaml', POLICY);
    await agent.start();
    expect(await table()).not.toContain('cali0');
    expect(await agent.end('SIGINT')).toBe(0);
    expect(agent.log).toContain('stops for good: table inet starling_policy is removed');
    expect(await table()).toBe('');
  });

  it('follows changes and a changed configuration, and tells of both', async () => {
    await using agent = fromFiles();
    await agent.start();
    resources.write('db.yaml', WEB.replaceAll('web', 'db').replace('cali0', 'cali1').replace('.2/', '.3/'));
    await waitFor(table, { what: 'the new workload', accept: (rules) => rules.includes('"cali1" : goto') });
    agent.configure({ datastore: { file: { path: resources.path } }, policy: { interfacePrefix: 'cali,tap' } });
    agent.signal('SIGHUP');
    await waitFor(table, { what: 'the other prefix', accept: (rules) => rules.includes('tap*') });
    const events = await agent.events();
    expect(events).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^in force: 1 policy for 1 workload and 0 HostEndpoints of this node$/),
        expect.stringMatching(/^policies for it are in force at cali1$/),
        expect.stringMatching(/^configuration read again; taken: policy\.interfacePrefix$/),
      ]),
    );
  });

  it('ends before it touches anything where another one runs', async () => {
    await using agent = fromFiles();
    await agent.start();
    const rules = await table();
    await using second = fromFiles({ socket: agent.socket });
    expect(await second.launch().ended).toBe(1);
    expect(second.log).toContain('another starling-policyd answers on');
    expect(await table()).toBe(rules);
    expect((await agent.status()).ruleset.inSync).toBe(true);
  });

  it('says that another one undoes its work, and that the node may have another name', async () => {
    await run(['ip', 'link', 'add', 'cali7', 'type', 'veth'], { space });
    await using agent = fromFiles();
    await agent.start();
    expect((await agent.status()).problems).toEqual([]);
    resources.write('web.yaml', POLICY);
    await using second = fromFiles();
    await second.start();
    const problems = async () => (await second.status()).problems;
    await waitFor(problems, {
      what: 'what is wrong to be named',
      accept: (words) =>
        words.some((word) => /^No workload of node "node-1" is known, .* \(cali7\), .* check nodeName/.test(word)) &&
        words.some((word) => word.startsWith('Table inet starling_policy was changed by others more than 10 times')),
    });
  });
});

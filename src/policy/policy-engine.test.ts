import { beforeEach, describe, expect, it } from 'vitest';
import { calico, letIn, namespace, pod } from '../../test/support/policy-manifests.ts';
import { ToldModel } from '../../test/support/told-model.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { PolicyEngine } from './policy-engine.ts';

let engine: PolicyEngine;
let told: ToldModel;

beforeEach(() => {
  engine = new PolicyEngine({ node: 'n1' });
  told = new ToldModel();
});

/** What is different when these are there, or are as they are now. */
function put(...resources: readonly AnyResource[]) {
  engine.change(resources.map((one) => ({ type: 'upsert', resource: one })));
  return told.take(engine);
}

function remove(...resources: readonly AnyResource[]) {
  engine.change(
    resources.map(({ kind, metadata: { namespace: space, name } }) => ({
      type: 'delete',
      kind,
      name,
      ...(space === undefined ? {} : { namespace: space }),
    })),
  );
  return told.take(engine);
}

const WEB = pod('x/web', { labels: { app: 'web' }, ips: ['10.65.0.1'] });

describe('PolicyEngine', () => {
  it('tells settings first, and then nothing without a change', () => {
    expect(put()?.settings?.interfacePrefixes).toEqual(['cali']);
    expect(put()).toBeUndefined();
  });

  it('tells a workload of its node, with the profile that there is', () => {
    put(namespace('x'), WEB, pod('x/other', { node: 'n2', ips: ['10.65.0.9'] }));
    expect([...told.workloads.values()].map(({ endpoint }) => endpoint)).toEqual(['Pod x/web']);
    const [{ ingress }] = told.workloads.values();
    expect(told.rules.get(ingress)).toMatchObject({ layer: 'workload', up: true, tiers: [], profiles: ['kns.x'] });
    expect([...told.profiles.keys()]).toEqual(['kns.x']);
    remove(WEB);
    expect([told.workloads.size, told.rules.size, told.profiles.size]).toEqual([0, 0, 0]);
  });

  it('shares rules among workloads of which the same is asked', () => {
    put(WEB, pod('x/web2', { labels: { app: 'web' } }), pod('x/db', { labels: { app: 'db' } }));
    put(letIn('p', "app == 'web'", "app == 'db'"));
    expect([told.workloads.size, told.rules.size]).toEqual([3, 3]);
  });

  it('takes only what is in use: policies that pick a workload here, and sets of these', () => {
    put(WEB, letIn('used', "app == 'web'", "app == 'db'"), letIn('unused', "app == 'x'", "app == 'y'"));
    expect([...told.policies.keys()]).toEqual(['used//GlobalNetworkPolicy']);
    expect(told.addresses('app == "db"')).toEqual([]);
    expect(told.addresses('app == "y"')).toBeUndefined();
    expect(engine.counts).toMatchObject({ policies: 2, activePolicies: 1, sets: 1, localWorkloads: 1 });
  });

  it('gives a set that comes into use all its members, and takes it back whole', () => {
    const db = pod('x/db', { labels: { app: 'db' }, node: 'n2', ips: ['10.65.0.2', 'fd00::2'] });
    put(WEB, db);
    const policy = letIn('p', "app == 'web'", "app == 'db'");
    put(policy);
    expect(told.addresses('app == "db"')).toEqual(['10.65.0.2', 'fd00::2']);
    expect(remove(policy)?.sets).toMatchObject([{ gone: true }]);
    put(policy);
    expect(told.addresses('app == "db"')).toEqual(['10.65.0.2', 'fd00::2']);
  });

  it('says nothing of what came and went between', () => {
    put(WEB, letIn('p', "app == 'web'", "app == 'db'"));
    const db = pod('x/db', { labels: { app: 'db' }, ips: ['10.65.0.2'], node: 'n2' });
    engine.change([
      { type: 'upsert', resource: db },
      { type: 'delete', kind: 'Pod', namespace: 'x', name: 'db' },
      { type: 'delete', kind: 'GlobalNetworkPolicy', name: 'p' },
      { type: 'upsert', resource: letIn('p', "app == 'web'", "app == 'db'") },
      { type: 'upsert', resource: WEB },
    ]);
    expect(told.take(engine)).toBeUndefined();
  });

  it('keeps an address in a set until the last that has it leaves', () => {
    put(WEB, letIn('p', "app == 'web'", "app == 'db'"));
    const [old, young] = ['old', 'young'].map((name) =>
      pod(`x/${name}`, { labels: { app: 'db' }, ips: ['10.65.0.2'], node: 'n2' }),
    );
    put(old);
    expect(put(young)).toBeUndefined();
    expect(remove(old)).toBeUndefined();
    remove(young);
    expect(told.addresses('app == "db"')).toEqual([]);
  });

  it('takes an address over to another set when it changes hands', () => {
    put(WEB, letIn('p', "app == 'web'", "app == 'db'"), letIn('q', "app == 'web'", "app == 'cache'"));
    put(pod('x/a', { labels: { app: 'db' }, ips: ['10.65.0.2'] }), pod('x/b', { labels: { app: 'cache' } }));
    put(pod('x/a', { labels: { app: 'db' } }), pod('x/b', { labels: { app: 'cache' }, ips: ['10.65.0.2'] }));
    expect([told.addresses('app == "db"'), told.addresses('app == "cache"')]).toEqual([[], ['10.65.0.2']]);
  });

  it('tells which addresses are no workload of this node any more', () => {
    put(WEB);
    const other = pod('x/other', { ips: ['10.65.0.1'], labels: {} });
    expect(put(other)?.departed).toEqual([]);
    expect(remove(WEB)?.departed).toEqual([]);
    expect(put(pod('x/other', { ips: ['10.65.0.7'] }))?.departed).toEqual(['10.65.0.1']);
    expect(remove(other)?.departed).toEqual(['10.65.0.7']);
  });

  it('finds what is different in a second snapshot', () => {
    const policy = letIn('p', "app == 'web'", 'has(app)');
    engine.snapshot([
      policy,
      namespace('x'),
      WEB,
      calico('GlobalNetworkSet', 's', { nets: ['10.0.0.0/8'] }, { app: '' }),
    ]);
    told.take(engine);
    engine.snapshot([WEB, namespace('x'), policy]);
    expect(told.take(engine)).toMatchObject({ sets: [{ removed: ['10.0.0.0/8'] }], settings: undefined });
    engine.snapshot([]);
    told.take(engine);
    expect(told.plain()).toMatchObject({ sets: [], policies: [], rules: [], workloads: [] });
    expect(engine.counts).toMatchObject({ endpoints: 0, policies: 0, members: 0 });
  });

  it('names interfaces anew when their prefix changes', () => {
    const felix = (interfacePrefix: string) => calico('FelixConfiguration', 'default', { interfacePrefix });
    put(WEB);
    const changes = put(felix('tap,cali'));
    expect(changes?.settings?.interfacePrefixes).toEqual(['tap', 'cali']);
    expect([...told.workloads.keys()]).toEqual([expect.stringMatching(/^tap/)]);
    engine.configure({ felix: { interfacePrefix: 'eni' } });
    told.take(engine);
    expect([...told.workloads.keys()]).toEqual([expect.stringMatching(/^eni/)]);
  });

  it('lets the first by key have an interface, and says so of the other', () => {
    const endpoint = (name: string, interfaceName: string) =>
      calico('WorkloadEndpoint', `x/${name}`, { node: 'n1', interfaceName, ipNetworks: [] });
    put(endpoint('b', 'cali1'));
    put(endpoint('a', 'cali1'));
    expect(told.workloads.get('cali1')?.endpoint).toBe('WorkloadEndpoint x/a');
    expect(engine.problems).toMatchObject([{ kind: 'WorkloadEndpoint', namespace: 'x', name: 'b', severity: 'error' }]);
    put(endpoint('a', 'cali2'));
    expect(told.workloads.get('cali1')?.endpoint).toBe('WorkloadEndpoint x/b');
    expect(told.workloads.get('cali2')?.endpoint).toBe('WorkloadEndpoint x/a');
    expect(engine.problems).toEqual([]);
  });
});

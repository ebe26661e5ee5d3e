import { beforeEach, describe, expect, it } from 'vitest';
import { EngineWorld } from '../../test/support/engine-world.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { calico, letIn, namespace, pod } from '../../test/support/policy-manifests.ts';

let world: EngineWorld;

beforeEach(() => {
  world = new EngineWorld();
});

const WEB = pod('x/web', { labels: { app: 'web' }, ips: ['10.65.0.1'] });

describe('PolicyEngine', () => {
  it('tells settings first, and then nothing without a change', () => {
    expect(world.put()?.settings?.interfacePrefixes).toEqual(['cali']);
    expect(world.put()).toBeUndefined();
  });

  it('tells a workload of its node, with the profile that there is', () => {
    world.put(namespace('x'), WEB, pod('x/other', { node: 'n2', ips: ['10.65.0.9'] }));
    expect([...world.told.workloads.values()].map(({ endpoint }) => endpoint)).toEqual(['Pod x/web']);
    const [{ ingress }] = world.told.workloads.values();
    expect(world.told.rules.get(ingress)).toMatchObject({
      layer: 'workload',
      up: true,
      tiers: [],
      profiles: ['kns.x'],
    });
    expect([...world.told.profiles.keys()]).toEqual(['kns.x']);
    world.remove(WEB);
    expect([world.told.workloads.size, world.told.rules.size, world.told.profiles.size]).toEqual([0, 0, 0]);
  });

  it('shares rules among workloads of which the same is asked', () => {
    world.put(WEB, pod('x/web2', { labels: { app: 'web' } }), pod('x/db', { labels: { app: 'db' } }));
    world.put(letIn('p', "app == 'web'", "app == 'db'"));
    expect([world.told.workloads.size, world.told.rules.size]).toEqual([3, 3]);
  });

  it('takes only what is in use: policies that pick a workload here, and sets of these', () => {
    world.put(WEB, letIn('used', "app == 'web'", "app == 'db'"), letIn('unused', "app == 'x'", "app == 'y'"));
    expect([...world.told.policies.keys()]).toEqual(['used//GlobalNetworkPolicy']);
    expect(world.told.addresses('app == "db"')).toEqual([]);
    expect(world.told.addresses('app == "y"')).toBeUndefined();
    expect(world.engine.counts).toMatchObject({ policies: 2, activePolicies: 1, sets: 1, localWorkloads: 1 });
  });

  it('gives a set that comes into use all its members, and takes it back whole', () => {
    const db = pod('x/db', { labels: { app: 'db' }, node: 'n2', ips: ['10.65.0.2', 'fd00::2'] });
    world.put(WEB, db);
    const policy = letIn('p', "app == 'web'", "app == 'db'");
    world.put(policy);
    expect(world.told.addresses('app == "db"')).toEqual(['10.65.0.2', 'fd00::2']);
    expect(world.remove(policy)?.sets).toMatchObject([{ gone: true }]);
    world.put(policy);
    expect(world.told.addresses('app == "db"')).toEqual(['10.65.0.2', 'fd00::2']);
  });

  it('says nothing of what came and went between', () => {
    world.put(WEB, letIn('p', "app == 'web'", "app == 'db'"));
    const db = pod('x/db', { labels: { app: 'db' }, ips: ['10.65.0.2'], node: 'n2' });
    world.engine.change([
      { type: 'upsert', resource: db },
      { type: 'delete', kind: 'Pod', namespace: 'x', name: 'db' },
      { type: 'delete', kind: 'GlobalNetworkPolicy', name: 'p' },
      { type: 'upsert', resource: letIn('p', "app == 'web'", "app == 'db'") },
      { type: 'upsert', resource: WEB },
    ]);
    expect(world.told.take(world.engine)).toBeUndefined();
  });

  it('keeps an address in a set until the last that has it leaves', () => {
    world.put(WEB, letIn('p', "app == 'web'", "app == 'db'"));
    const [old, young] = ['old', 'young'].map((name) =>
      pod(`x/${name}`, { labels: { app: 'db' }, ips: ['10.65.0.2'], node: 'n2' }),
    );
    world.put(old);
    expect(world.put(young)).toBeUndefined();
    expect(world.remove(old)).toBeUndefined();
    world.remove(young);
    expect(world.told.addresses('app == "db"')).toEqual([]);
  });

  it('takes an address over to another set when it changes hands', () => {
    world.put(WEB, letIn('p', "app == 'web'", "app == 'db'"), letIn('q', "app == 'web'", "app == 'cache'"));
    world.put(pod('x/a', { labels: { app: 'db' }, ips: ['10.65.0.2'] }), pod('x/b', { labels: { app: 'cache' } }));
    world.put(pod('x/a', { labels: { app: 'db' } }), pod('x/b', { labels: { app: 'cache' }, ips: ['10.65.0.2'] }));
    expect([world.told.addresses('app == "db"'), world.told.addresses('app == "cache"')]).toEqual([[], ['10.65.0.2']]);
  });

  it('tells which addresses are no workload of this node any more', () => {
    world.put(WEB);
    const other = pod('x/other', { ips: ['10.65.0.1'], labels: {} });
    expect(world.put(other)?.departed).toEqual([]);
    expect(world.remove(WEB)?.departed).toEqual([]);
    expect(world.put(pod('x/other', { ips: ['10.65.0.7'] }))?.departed).toEqual(['10.65.0.1']);
    expect(world.remove(other)?.departed).toEqual(['10.65.0.7']);
    world.put(other);
    world.engine.change([
      { type: 'delete', kind: 'Pod', namespace: 'x', name: 'other' },
      { type: 'upsert', resource: pod('x/next', { ips: ['10.65.0.1'] }) },
    ]);
    expect(world.told.take(world.engine)?.departed).toEqual(['10.65.0.1']);
  });

  it('finds what is different in a second snapshot', () => {
    const policy = letIn('p', "app == 'web'", 'has(app)');
    world.engine.snapshot([
      policy,
      namespace('x'),
      WEB,
      calico('GlobalNetworkSet', 's', { nets: ['10.0.0.0/8'] }, { app: '' }),
    ]);
    world.told.take(world.engine);
    world.engine.snapshot([WEB, namespace('x'), policy]);
    expect(world.told.take(world.engine)).toMatchObject({ sets: [{ removed: ['10.0.0.0/8'] }], settings: undefined });
    world.engine.snapshot([]);
    world.told.take(world.engine);
    expect(world.told.plain()).toMatchObject({ sets: [], policies: [], rules: [], workloads: [] });
    expect(world.engine.counts).toMatchObject({ endpoints: 0, policies: 0, members: 0 });
  });

  it('names interfaces anew when their prefix changes', () => {
    const felix = (interfacePrefix: string) => calico('FelixConfiguration', 'default', { interfacePrefix });
    world.put(WEB);
    const changes = world.put(felix('tap,cali'));
    expect(changes?.settings?.interfacePrefixes).toEqual(['tap', 'cali']);
    expect([...world.told.workloads.keys()]).toEqual([expect.stringMatching(/^tap/)]);
    world.engine.configure({ felix: { interfacePrefix: 'eni' } });
    world.told.take(world.engine);
    expect([...world.told.workloads.keys()]).toEqual([expect.stringMatching(/^eni/)]);
  });

  it('says of workloads at which interfaces they are not expected', () => {
    world.put(calico('WorkloadEndpoint', 'x/vm', { node: 'n1', interfaceName: 'tap1', ipNetworks: [] }));
    expect(world.told.workloads.get('tap1')?.endpoint).toBe('WorkloadEndpoint x/vm');
    expect(world.engine.problems).toMatchObject([{ namespace: 'x', name: 'vm', severity: 'warning' }]);
    world.put(calico('FelixConfiguration', 'default', { interfacePrefix: 'cali,tap' }));
    expect(world.engine.problems).toEqual([]);
  });

  it('lets the first by key have an interface, and says so of the other', () => {
    const endpoint = (name: string, interfaceName: string) =>
      calico('WorkloadEndpoint', `x/${name}`, { node: 'n1', interfaceName, ipNetworks: [] });
    world.put(endpoint('b', 'cali1'));
    world.put(endpoint('a', 'cali1'));
    expect(world.told.workloads.get('cali1')?.endpoint).toBe('WorkloadEndpoint x/a');
    expect(world.engine.problems).toMatchObject([
      { kind: 'WorkloadEndpoint', namespace: 'x', name: 'b', severity: 'error' },
    ]);
    world.put(endpoint('a', 'cali2'));
    expect(world.told.workloads.get('cali1')?.endpoint).toBe('WorkloadEndpoint x/b');
    expect(world.told.workloads.get('cali2')?.endpoint).toBe('WorkloadEndpoint x/a');
    expect(world.engine.problems).toEqual([]);
  });

  it('takes in the rest where one resource cannot be, which is closed and told', () => {
    const broken = <T extends AnyResource>(resource: T): T =>
      Object.defineProperty({ ...resource }, 'spec', {
        get: () => {
          throw new Error('no such thing');
        },
      });
    const db = pod('x/db', { labels: { app: 'db' }, ips: ['10.65.0.2'] });
    const policy = letIn('p', "app == 'web'", "app == 'db'");
    world.put(namespace('x'), broken(WEB), db, broken(policy), letIn('q', "app == 'web'", "app == 'db'"));
    const consequence = 'a policy that denies everything, before all others';
    expect(world.engine.problems).toEqual([
      {
        kind: 'Pod',
        namespace: 'x',
        name: 'web',
        path: [],
        message: 'cannot be taken in, and counts as if it were not there: no such thing',
        severity: 'error',
      },
      {
        kind: 'GlobalNetworkPolicy',
        name: 'p',
        path: [],
        message: `cannot be taken in, and counts as ${consequence}: no such thing`,
        severity: 'error',
      },
    ]);
    expect(world.engine.endpoint('Pod x/web')).toBeUndefined();
    expect(world.order('Pod x/db')).toEqual(['(unreadable) Deny: p']);
    expect(world.told.policies.get('p//GlobalNetworkPolicy')?.ingress).toMatchObject([{ action: 'Deny' }]);
    world.put(WEB, policy);
    expect(world.engine.problems).toEqual([]);
    expect(world.order('Pod x/web')).toEqual(['default Deny: p, q']);
    expect(world.order('Pod x/db')).toEqual([]);
    world.engine.snapshot([namespace('x'), WEB, broken(policy)]);
    expect(world.order('Pod x/web')).toEqual(['(unreadable) Deny: p']);
    world.engine.snapshot([namespace('x'), WEB]);
    expect([world.engine.problems, world.order('Pod x/web')]).toEqual([[], []]);
  });
});

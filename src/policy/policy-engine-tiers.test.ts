import { beforeEach, describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { EngineWorld } from '../../test/support/engine-world.ts';
import { calico, letIn, pod, resource } from '../../test/support/policy-manifests.ts';

let world: EngineWorld;

beforeEach(() => {
  world = new EngineWorld();
});

const WEB = pod('x/web', { labels: { app: 'web' }, ips: ['10.65.0.1'] });

function tier(name: string, spec: object = {}) {
  return calico('Tier', name, spec);
}

describe('order of policies', () => {
  it('is by order, then by name, namespace and kind; without an order last', () => {
    const kubernetes = resource({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'k8s', namespace: 'x' },
      spec: { podSelector: {} },
    });
    world.put(WEB, letIn('late', '', ''), letIn('b', '', '', { order: 10 }), letIn('a', '', '', { order: 10 }));
    world.put(kubernetes, letIn('first', '', '', { order: -5.5 }), calico('NetworkPolicy', 'x/a', { order: 10 }));
    expect(world.order('Pod x/web')).toEqual(['default Deny: first, a, a, b, k8s, late']);
    const [{ policies }] = world.rulesOf('Pod x/web').tiers;
    expect(policies.slice(1, 3)).toEqual(['a//GlobalNetworkPolicy', 'a/x/NetworkPolicy']);
  });

  it('is by tiers first: those that exist, by order, then by name', () => {
    const names = ['gone', 'abandoned', 'unordered', 'early', 'earlier'];
    world.put(WEB, ...names.map((name) => letIn(`${name}.p`, '', '', { tier: name })), letIn('p', '', ''));
    world.put(
      tier('unordered', { defaultAction: 'Pass' }),
      tier('early', { order: 10 }),
      tier('earlier', { order: 10 }),
    );
    expect(world.order('Pod x/web')).toEqual([
      'earlier Deny: earlier.p',
      'early Deny: early.p',
      'default Deny: p',
      'unordered Pass: unordered.p',
      'abandoned Deny: abandoned.p',
      'gone Deny: gone.p',
    ]);
  });

  it('lets nothing pass that the policies of a tier are for whose place can not be read', () => {
    world.put(WEB, letIn('a', "app == 'web'", '', { tier: 'odd' }), letIn('b', '', ''), tier('odd', { order: 'x' }));
    world.put(pod('x/other', {}));
    expect(world.order('Pod x/web')).toEqual(['odd Deny: ', 'default Deny: b']);
    expect(world.order('Pod x/other')).toEqual(['default Deny: b']);
    const packet = { version: 4, source: '192.0.2.1', destination: '10.65.0.1', protocol: 6 } as const;
    const { engine } = world;
    const of = { policy: engine.policy.bind(engine), profile: engine.profile.bind(engine), sets: engine.lookup };
    for (const layer of ['workload', 'preDNAT'] as const) {
      const rules = { ...world.rulesOf('Pod x/web'), layer };
      expect(decide(rules, packet, of)).toMatchObject({ verdict: 'deny', by: { kind: 'end of tier', tier: 'odd' } });
    }
    world.put(tier('odd', { order: 5 }));
    expect(world.order('Pod x/web')).toEqual(['odd Deny: a', 'default Deny: b']);
  });

  it('has the built-in tiers where they always are', () => {
    world.put(WEB, tier('default', { order: 1 }), tier('mine', { order: 2000 }));
    for (const name of ['kube-baseline', 'kube-admin', 'default', 'mine']) {
      world.put(letIn(`${name}.p`, '', '', { tier: name }));
    }
    expect(world.order('Pod x/web')).toEqual([
      'kube-admin Pass: kube-admin.p',
      'mine Deny: mine.p',
      'default Deny: default.p',
      'kube-baseline Pass: kube-baseline.p',
    ]);
    expect(world.engine.counts.tiers).toBe(4);
  });

  it('says which policies wait for a tier', () => {
    world.put(letIn('p', '', '', { tier: 'gone' }), letIn('q', '', '', { tier: 'kube-admin' }));
    expect(world.engine.problems).toEqual([
      {
        kind: 'GlobalNetworkPolicy',
        name: 'p',
        path: ['spec', 'tier'],
        message: expect.stringMatching(/^there is no Tier "gone": the policy is asked after those of all others, and /),
        severity: 'warning',
      },
    ]);
    world.put(tier('gone', {}));
    expect(world.engine.problems).toEqual([]);
  });

  it('follows tiers that come, change and go', () => {
    const rules = () => [...world.told.rules.values()].map(({ direction, tiers }) => [direction, ...tiers]);
    const applied = (defaultAction: string) => ({ name: 't', defaultAction, policies: ['t.p//GlobalNetworkPolicy'] });
    world.put(WEB, letIn('t.p', '', '', { tier: 't' }));
    expect(rules()).toContainEqual(['ingress', applied('Deny')]);
    world.put(tier('t', { defaultAction: 'Pass' }));
    expect(rules()).toContainEqual(['ingress', applied('Pass')]);
    world.remove(tier('t'));
    expect(rules()).toContainEqual(['ingress', applied('Deny')]);
  });

  it('leaves out tiers and policies that do not judge a direction', () => {
    world.put(WEB, tier('t', { order: 1 }), letIn('t.p', '', '', { tier: 't', types: ['Egress'] }), letIn('p', '', ''));
    expect(world.order('Pod x/web', 'ingress')).toEqual(['default Deny: p']);
    expect(world.order('Pod x/web', 'egress')).toEqual(['t Deny: t.p']);
  });

  it('of a policy without types is for both directions', () => {
    world.put(WEB, calico('NetworkPolicy', 'x/sg', { egress: [{ action: 'Allow' }] }));
    expect(world.order('Pod x/web', 'ingress')).toEqual(['default Deny: sg']);
    expect(world.order('Pod x/web', 'egress')).toEqual(['default Deny: sg']);
  });

  it('is told of endpoints of other nodes, too', () => {
    world.put(pod('x/far', { labels: { app: 'web' }, node: 'n2', ips: ['10.65.0.9'] }), letIn('p', "app == 'web'", ''));
    expect(world.order('Pod x/far')).toEqual(['default Deny: p']);
    expect(world.engine.policies()).toMatchObject([{ endpoints: 0, tier: { name: 'default' } }]);
  });
});

describe('policies of namespaces and service accounts', () => {
  it('pick what is in theirs', () => {
    world.put(WEB, pod('y/web', { labels: { app: 'web' } }));
    world.put(calico('NetworkPolicy', 'x/p', { selector: "app == 'web'", types: ['Ingress'] }));
    world.put(calico('GlobalNetworkPolicy', 'g', { namespaceSelector: "projectcalico.org/name == 'y'" }));
    world.put(resource({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'y' } }));
    expect(world.order('Pod x/web')).toEqual(['default Deny: p']);
    expect(world.order('Pod y/web')).toEqual(['default Deny: g']);
  });
});

describe('hosts', () => {
  const host = (name: string, spec: object) => calico('HostEndpoint', name, { node: 'n1', ...spec }, { app: 'web' });
  const scopes = [
    letIn('normal', "app == 'web'", ''),
    letIn('onForward', "app == 'web'", '', { applyOnForward: true }),
    letIn('preDNAT', "app == 'web'", '', { applyOnForward: true, preDNAT: true }),
    letIn('untracked', "app == 'web'", '', { applyOnForward: true, doNotTrack: true }),
  ];

  it('have rules by the scope of policies, workloads only those of two', () => {
    world.put(host('h', { interfaceName: 'eth0', profiles: ['p'] }), WEB, ...scopes);
    const rulesAt = world.told.hosts.get('eth0')?.rules;
    const policies = (id = '') =>
      world.told.rules.get(id)?.tiers.map((one) => one.policies.map((key) => key.split('/')[0]));
    expect(policies(rulesAt?.host?.ingress)).toEqual([['normal', 'onForward']]);
    expect(policies(rulesAt?.forward?.ingress)).toEqual([['onForward']]);
    expect(policies(rulesAt?.preDNAT?.ingress)).toEqual([['preDNAT']]);
    expect(policies(rulesAt?.untracked?.ingress)).toEqual([['untracked']]);
    expect(world.told.rules.get(rulesAt?.host?.ingress ?? '')?.profiles).toEqual(['p']);
    expect(world.told.rules.get(rulesAt?.forward?.ingress ?? '')?.profiles).toEqual([]);
    expect(world.order('Pod x/web')).toEqual(['default Deny: normal, onForward']);
  });

  it('are asked in both directions, but before translation only about what comes in', () => {
    const both = (name: string, more: object) =>
      calico('GlobalNetworkPolicy', name, { applyOnForward: true, ingress: [], egress: [], ...more });
    world.put(host('h', { interfaceName: 'eth0' }), both('f', {}), both('u', { doNotTrack: true }));
    world.put(calico('GlobalNetworkPolicy', 'p', { applyOnForward: true, preDNAT: true }));
    const directions = Object.entries(world.told.hosts.get('eth0')?.rules ?? {}).map(([layer, rules]) => [
      layer,
      Object.keys(rules),
    ]);
    expect(Object.fromEntries(directions)).toEqual({
      host: ['ingress', 'egress'],
      forward: ['ingress', 'egress'],
      preDNAT: ['ingress'],
      untracked: ['ingress', 'egress'],
    });
  });

  it('have nothing for what no policy is about, but for their own processes', () => {
    world.put(host('h', { interfaceName: 'eth0' }));
    expect(world.told.hosts.get('eth0')).toMatchObject({ endpoint: 'HostEndpoint /h', rules: { host: {} } });
    expect(Object.keys(world.told.hosts.get('eth0')?.rules ?? {})).toEqual(['host']);
  });

  it('are found by the addresses of interfaces, the first by name, others by `*`', () => {
    const expectedIPs = ['172.18.0.2'];
    world.put(host('b', { expectedIPs }), host('star', { interfaceName: '*' }));
    expect([...world.told.hosts.keys()]).toEqual(['*']);
    expect(world.engine.problems).toMatchObject([{ name: 'b', severity: 'warning' }]);
    world.engine.setInterfaces([{ name: 'eth0', addresses: expectedIPs }]);
    world.put(host('a', { interfaceName: 'eth0' }));
    expect(world.told.hosts.get('eth0')?.endpoint).toBe('HostEndpoint /a');
    expect(world.engine.problems).toMatchObject([{ name: 'b', severity: 'error' }]);
    world.remove(host('a', {}));
    expect(world.told.hosts.get('eth0')?.endpoint).toBe('HostEndpoint /b');
    world.engine.setInterfaces([{ name: 'eth1', addresses: expectedIPs }]);
    expect(world.told.take(world.engine)?.hosts.has('eth0')).toBe(true);
    expect([...world.told.hosts.keys()].toSorted()).toEqual(['*', 'eth1']);
  });

  it('of other nodes are no concern', () => {
    world.put(host('h', { node: 'n2', interfaceName: 'eth0' }));
    expect([world.told.hosts.size, world.engine.counts.localHosts, world.engine.counts.endpoints]).toEqual([0, 0, 1]);
  });
});

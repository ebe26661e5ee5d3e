import { beforeEach, describe, expect, it } from 'vitest';
import { EngineWorld } from '../../test/support/engine-world.ts';
import { calico, letIn, namespace, pod, resource, serviceAccount } from '../../test/support/policy-manifests.ts';

let world: EngineWorld;

beforeEach(() => {
  world = new EngineWorld();
});

/** Labels by which selectors judge a Pod. */
function labelsOf(key: string): Record<string, string> {
  const endpoint = world.engine.endpoint(key);
  if (endpoint === undefined) throw new Error(`there is no ${key}`);
  return world.engine.labelsOf(endpoint);
}

const WEB = pod('x/web', { labels: { app: 'web' }, ips: ['10.65.0.1'], account: 'robot' });
/** Names a set for everything that has a label. */
const OPEN = letIn('open', 'all()', 'has(app)');

describe('labels of endpoints', () => {
  it('of a Pod say its namespace, orchestrator and service account', () => {
    world.put(WEB);
    expect(labelsOf('Pod x/web')).toEqual({
      app: 'web',
      'projectcalico.org/namespace': 'x',
      'projectcalico.org/orchestrator': 'k8s',
      'projectcalico.org/serviceaccount': 'robot',
    });
  });

  it('come from the namespace and the service account, and go with them', () => {
    const account = serviceAccount('x/robot', { role: 'dev' });
    world.put(WEB, namespace('x', { env: 'prod' }), account);
    expect(labelsOf('Pod x/web')).toMatchObject({
      'pcns.env': 'prod',
      'pcns.projectcalico.org/name': 'x',
      'pcsa.role': 'dev',
      'pcsa.projectcalico.org/name': 'robot',
    });
    world.remove(account);
    expect(labelsOf('Pod x/web')).not.toHaveProperty('pcsa.role');
  });

  it('are not what a Pod says of its namespace or service account itself', () => {
    const labels = { 'pcns.env': 'prod', 'pcsa.role': 'admin', 'projectcalico.org/namespace': 'kube-system' };
    world.put(pod('x/liar', { labels, ips: ['10.65.0.2'] }), namespace('x', { env: 'test' }));
    expect(labelsOf('Pod x/liar')).toMatchObject({ 'pcns.env': 'test', 'projectcalico.org/namespace': 'x' });
    expect(labelsOf('Pod x/liar')).not.toHaveProperty('pcsa.role');
  });

  it('are not what a namespace or a service account says of its name', () => {
    const label = { 'projectcalico.org/name': 'kube-system' };
    world.put(WEB, namespace('x', label), serviceAccount('x/robot', label));
    expect(labelsOf('Pod x/web')).toMatchObject({
      'pcns.projectcalico.org/name': 'x',
      'pcsa.projectcalico.org/name': 'robot',
    });
  });

  it('of its own win over those of profiles, and an earlier profile over a later one', () => {
    const profile = (name: string, labelsToApply: object) => calico('Profile', name, { labelsToApply });
    const at = { node: 'n1', interfaceName: 'cali1', ipNetworks: ['10.65.0.1/32'], profiles: ['a', 'b'] };
    world.put(
      profile('b', { one: 'b', two: 'b', three: 'b' }),
      profile('a', { one: 'a', two: 'a' }),
      calico('WorkloadEndpoint', 'x/w', at, { one: 'own' }),
    );
    expect(labelsOf('WorkloadEndpoint x/w')).toMatchObject({ one: 'own', two: 'a', three: 'b' });
    expect(world.picked("one == 'own' && two == 'a' && three == 'b'")).toEqual(['x/w']);
    expect(world.picked("one == 'a' || two == 'b'")).toEqual([]);
  });

  it('of a written Profile count instead of those that follow from the namespace', () => {
    const written = calico('Profile', 'kns.x', { labelsToApply: { 'pcns.env': 'written' } });
    world.put(WEB, namespace('x', { env: 'prod' }), written);
    expect(world.picked("pcns.env == 'written'")).toEqual(['x/web']);
    world.remove(written);
    expect(world.picked("pcns.env == 'prod'")).toEqual(['x/web']);
  });
});

describe('members of sets', () => {
  it('follow the labels of a namespace', () => {
    world.put(WEB, namespace('x', { env: 'prod' }), letIn('p', 'all()', "pcns.env == 'prod'"));
    expect(world.told.addresses('pcns.env == "prod"')).toEqual(['10.65.0.1']);
    expect(world.put(namespace('x', { env: 'test' }))?.sets).toMatchObject([{ added: [], removed: ['10.65.0.1'] }]);
    world.put(namespace('x', { env: 'prod' }));
    expect(world.told.addresses('pcns.env == "prod"')).toEqual(['10.65.0.1']);
  });

  it('are network sets and hosts like workloads', () => {
    world.put(
      WEB,
      OPEN,
      namespace('x', { env: 'prod' }),
      calico('NetworkSet', 'x/here', { nets: ['192.0.2.0/24', '192.0.2.7/32'] }, { app: 'a' }),
      calico('GlobalNetworkSet', 'there', { nets: ['198.51.100.1'] }, { app: 'a' }),
      calico(
        'HostEndpoint',
        'n1-eth0',
        { node: 'n9', interfaceName: 'eth0', expectedIPs: ['172.18.0.2'] },
        { app: 'a' },
      ),
    );
    expect(world.told.addresses('has(app)')).toEqual([
      '10.65.0.1',
      '172.18.0.2',
      '192.0.2.0/24',
      '192.0.2.7',
      '198.51.100.1',
    ]);
    expect(world.picked("pcns.env == 'prod' && app == 'a'")).toEqual(['x/here']);
    expect(world.picked("projectcalico.org/namespace == 'x'")).toEqual(['x/here', 'x/web']);
    expect(world.picked('!has(projectcalico.org/namespace)')).toEqual(['n1-eth0', 'there']);
  });

  it('hold everything as two halves', () => {
    world.put(WEB, OPEN, calico('GlobalNetworkSet', 's', { nets: ['0.0.0.0/0', '::/0'] }, { app: '' }));
    expect(world.told.addresses('has(app)')).toEqual(['0.0.0.0/1', '10.65.0.1', '128.0.0.0/1', '8000::/1', '::/1']);
  });

  it('hold no prefix within another, until the wider one goes', () => {
    const wide = calico('GlobalNetworkSet', 'wide', { nets: ['10.0.0.0/8'] }, { app: '' });
    const narrow = calico(
      'GlobalNetworkSet',
      'narrow',
      { nets: ['10.1.0.0/16', '10.1.1.0/24', '11.0.0.0/8'] },
      { app: '' },
    );
    world.put(pod('x/a'), OPEN, narrow);
    expect(world.told.addresses('has(app)')).toEqual(['10.1.0.0/16', '11.0.0.0/8']);
    expect(world.put(wide)?.sets).toMatchObject([{ added: ['10.0.0.0/8'], removed: ['10.1.0.0/16'] }]);
    expect(world.remove(wide)?.sets).toMatchObject([{ added: ['10.1.0.0/16'], removed: ['10.0.0.0/8'] }]);
  });

  it('are no Pods without addresses, in the network of their node, or that have ended', () => {
    const options = { labels: { app: 'a' }, ips: ['10.65.0.9'], node: 'n2' };
    world.put(WEB, OPEN);
    for (const other of [
      pod('x/a', { ...options, spec: { hostNetwork: true } }),
      pod('x/a', { ...options, status: { phase: 'Succeeded' } }),
      pod('x/a', { ...options, status: { phase: 'Failed' } }),
      pod('x/a', { ...options, ips: [] }),
    ]) {
      world.put(other);
      expect(world.told.addresses('has(app)')).toEqual(['10.65.0.1']);
    }
  });

  it('keep a Pod that is about to end until its network is taken away', () => {
    const ending = (podIP: string) =>
      pod('x/a', {
        labels: { app: 'a' },
        ips: ['10.65.0.9'],
        metadata: {
          deletionTimestamp: '2026-01-01T00:00:00Z',
          annotations: { 'cni.projectcalico.org/podIP': podIP },
        },
      });
    world.put(OPEN, ending('10.65.0.9/32'));
    expect([world.told.workloads.size, world.told.addresses('has(app)')]).toEqual([1, ['10.65.0.9']]);
    world.put(ending(''));
    expect(world.told.workloads.size).toBe(0);
  });

  it('are the ports of a name and protocol, where the selector picks', () => {
    const ports = [
      { name: 'http', containerPort: 8080 },
      { name: 'http', containerPort: 53, protocol: 'UDP' },
    ];
    const policy = calico('GlobalNetworkPolicy', 'p', {
      ingress: [{ action: 'Allow', protocol: 'TCP', destination: { selector: "app == 'web'", ports: ['http', 80] } }],
    });
    world.put(pod('x/a', { labels: { app: 'web' }, ips: ['10.65.0.1'], ports }), policy);
    world.put(pod('x/b', { labels: { app: 'db' }, ips: ['10.65.0.2'], ports }));
    const [set] = [...world.told.sets.values()].filter(({ spec }) => spec.kind === 'ports');
    expect([...set.members]).toEqual(['10.65.0.1 6 8080']);
    const moved = [{ name: 'http', containerPort: 9090, protocol: 'TCP' }];
    world.put(pod('x/a', { labels: { app: 'web' }, ips: ['10.65.0.1'], ports: moved }));
    expect([...set.members]).toEqual(['10.65.0.1 6 9090']);
    world.put(pod('x/a', { labels: { app: 'web' }, ips: ['10.65.0.1'] }));
    expect([...set.members]).toEqual([]);
  });

  it('are the endpoints of a Service, counted over its slices', () => {
    const slice = (name: string, ...ips: readonly string[]) =>
      resource({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name, namespace: 'x', labels: { 'kubernetes.io/service-name': 's' } },
        addressType: 'IPv4',
        endpoints: ips.map((ip) => ({ addresses: [ip] })),
        ports: [{ protocol: 'TCP', port: 80 }, { protocol: 'TCP' }],
      });
    const policy = calico('NetworkPolicy', 'x/p', {
      egress: [{ action: 'Allow', protocol: 'TCP', destination: { services: { name: 's' } } }],
      ingress: [{ action: 'Allow', source: { services: { name: 's' } } }],
    });
    const members = () => [...world.told.sets.values()].flatMap((set) => [...set.members]).toSorted();
    world.put(pod('x/a'), slice('s-1', '10.65.0.1', '10.65.0.2'), policy, slice('s-2', '10.65.0.2'));
    expect(members()).toEqual(['10.65.0.1', '10.65.0.1 6 80', '10.65.0.2', '10.65.0.2 6 80']);
    expect(world.put(slice('s-1', '10.65.0.1'))).toBeUndefined();
    world.remove(slice('s-2'));
    expect(members()).toEqual(['10.65.0.1', '10.65.0.1 6 80']);
    expect(world.engine.problems).toEqual([]);
    world.remove(slice('s-1'));
    expect(world.engine.problems.map(({ path, message }) => [path.join('.'), message])).toEqual([
      ['spec.ingress.0', 'there is no EndpointSlice of Service x/s: the rule matches nothing'],
      ['spec.egress.0', 'there is no EndpointSlice of Service x/s: the rule matches nothing'],
    ]);
  });
});

describe('explanations', () => {
  it('find the endpoints and the sets at an address', () => {
    world.put(
      WEB,
      calico('GlobalNetworkSet', 's', { nets: ['10.0.0.0/8', '10.65.0.0/16', '11.0.0.0/8'] }, { app: '' }),
    );
    expect(world.engine.endpointsAt('10.65.0.1').map(({ name }) => name)).toEqual(['x/web', 's']);
    expect(world.engine.endpointsAt('192.0.2.1')).toEqual([]);
  });
});

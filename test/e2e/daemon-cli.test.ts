/** The starling command as a process of its own, with two BIRDs that tell what comes of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PeerSummary } from '../../src/api/types.ts';
import { createScratch } from '../support/scratch.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, TestNode, bgpPeer, block, linkAddresses } from './daemon-fixture.ts';

const [FIRST, SECOND] = [1, 2].map((number) => linkAddresses(number).theirs);

/** A service with one ready endpoint, on a node. */
function service(name: string, host: number, nodeName: string, ready = true): object[] {
  const clusterIP = `10.96.0.${host}`;
  const labels = { 'kubernetes.io/service-name': name };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop', labels: { app: name } },
      spec: {
        type: 'LoadBalancer',
        clusterIP,
        clusterIPs: [clusterIP],
        externalTrafficPolicy: 'Local',
        ipFamilies: ['IPv4'],
        ports: [{ port: 80 }],
      },
      status: { loadBalancer: { ingress: [{ ip: `203.0.113.${host}` }] } },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, namespace: 'shop', labels },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.244.1.9'], nodeName, conditions: { ready, serving: ready } }],
      ports: [{ port: 8080 }],
    },
  ];
}

/** Tells one of the two routers of one of two services. */
const services = (ready: boolean): object[] => [
  ...service('web', 10, 'node-1', ready),
  ...service('api', 11, 'node-2'),
  {
    apiVersion: 'starling.dev/v1alpha1',
    kind: 'ServiceAdvertisement',
    metadata: { name: 'first' },
    spec: {
      serviceSelector: "app == 'web'",
      peerSelector: "peer.starling.dev/name == 'router-1'",
      med: 30,
      communities: ['64512:1'],
      withdrawDelay: '3s',
    },
  },
];

/** Documents of a file. */
const json = (resources: readonly object[]): string => resources.map((one) => JSON.stringify(one)).join('\n---\n');

let node: TestNode;
let first: Bird;
let second: Bird;

beforeAll(async () => {
  if (missingHere(DAEMON_NEEDS) !== undefined) return;
  node = new TestNode();
  first = await Bird.start(node.addLink(1), 1, 65_001, ['10.70.0.0/16', 'fd70::/32']);
  second = await Bird.start(node.addLink(2), 2, 65_002);
  node.writeBasics();
  node.write('all.yaml', bgpPeer(1, 65_001), bgpPeer(2, 65_002), block('10.244.1.0/26'));
  await node.startDaemon();
  await node.established(FIRST, SECOND);
});
afterAll(async () => {
  await first?.[Symbol.asyncDispose]();
  await second?.[Symbol.asyncDispose]();
  await node?.[Symbol.asyncDispose]();
});
beforeEach((ctx) => requireOrSkip(ctx, DAEMON_NEEDS));

/** Waits until the daemon and BIRD agree that the second session is up. */
async function secondUp(): Promise<void> {
  await node.established(SECOND);
  await second.has('10.244.1.0/26');
}

/** Runs a command that has to succeed, and returns what it printed. */
async function printed(...argv: string[]): Promise<string> {
  const { code, out, err } = await node.starling(...argv);
  expect([code, err]).toEqual([0, '']);
  return out;
}

describe('starling', () => {
  it('shows the state of the node', async () => {
    const out = await printed('status');
    expect(out).toMatch(/^node-1 {2}AS 64512, router id 10\.91\.1\.1$/m);
    expect(out).toMatch(/^Peers +2 of 2 established$/m);
    expect(out).toMatch(/Nothing is wrong\.\n$/);
  });

  it('speaks JSON', async () => {
    const commands = [
      'status',
      'peer list',
      `peer show ${FIRST}`,
      'route list',
      `route list --peer ${FIRST} --received`,
      `route list --peer ${FIRST} --advertised`,
      'route explain 10.70.1.1',
      'fib list',
      'events',
    ];
    const printouts = await Promise.all(commands.map((command) => printed(...command.split(' '), '-o', 'json')));
    for (const printout of printouts) expect(JSON.parse(printout)).toBeTypeOf('object');
  });

  it('exits with 1 where what is asked for is not so, and with 2 where the question is wrong', async () => {
    expect(await node.starling('peer', 'show', '192.0.2.99')).toMatchObject({ code: 1, out: '' });
    expect((await node.starling('route', 'explain', '192.0.2.99')).code).toBe(1);
    expect((await node.starling('peer', 'show', 'nobody')).code).toBe(2);
    expect((await node.starling('peer', 'list', '--expect', 'fun')).code).toBe(2);
    const away = await node.starling('--socket', '/nonexistent/socket', 'status');
    expect([away.code, away.err]).toEqual([1, expect.stringContaining('there is no such socket')]);
  });

  it('disables a peer with a message that the peer sees, and enables it', async () => {
    expect(await printed('peer', 'list', '--expect', 'established')).toContain(SECOND);
    await printed('peer', 'disable', SECOND, '--message', 'cable work 4711');
    await waitFor(() => second.session(), {
      what: 'the message at the peer',
      accept: (text) => /Received: Administrative shutdown[\s\S]*cable work 4711/.test(text),
    });
    const { peers } = JSON.parse(await printed('peer', 'list', '-o', 'json')) as { peers: PeerSummary[] };
    expect(peers.find(({ address }) => address === SECOND)).toMatchObject({ admin: 'down', state: 'Idle' });
    // What is disabled is not expected to be up.
    await printed('peer', 'list', '--expect', 'established');
    expect((await node.starling('peer', 'reset', SECOND)).code).toBe(1);

    await second.birdc('disable', 'node');
    await printed('peer', 'enable', SECOND);
    const early = await node.starling('peer', 'list', '--expect', 'established');
    expect(early).toMatchObject({ code: 1, err: expect.stringMatching(`^expected: established; but ${SECOND} is `) });
    await second.birdc('enable', 'node');
    await secondUp();
    await printed('peer', 'list', '--expect', 'established');
  });

  it('resets a session, or only the exchange of routes in it', async () => {
    const before = await second.heard();
    await printed('peer', 'reset', SECOND, '--soft', 'out');
    const after = await waitFor(() => second.heard(), {
      what: 'routes told again',
      accept: ({ routes }) => routes > before.routes,
    });
    expect(after.session).toBe(before.session);

    const received = (await node.peer(FIRST)).messages.received.update;
    await printed('peer', 'reset', FIRST, '--soft', 'in');
    const peer = await waitFor(() => node.peer(FIRST), {
      what: 'routes heard again',
      accept: ({ messages }) => messages.received.update > received,
    });
    expect(peer).toMatchObject({ flaps: 0, messages: { sent: { routeRefresh: 2 } } });

    await printed('peer', 'reset', SECOND);
    await waitFor(() => second.heard(), {
      what: 'another session',
      accept: ({ session }) => session > before.session,
    });
    expect(second.log).toMatch(/Received: Administrative reset/);
    await secondUp();
  });

  it('originates a route with the attributes asked for, and takes it back', async () => {
    const attributes = ['--med', '50', '--community', '64512:100', '--community', 'graceful-shutdown'];
    await printed('route', 'add', '10.60.0.0/16', ...attributes, '--large-community', '64512:1:2');
    await printed('route', 'add', 'fd60::/48', '--as-path', '64999 65010', '--origin', 'incomplete');
    await first.has('10.244.1.0/26', '10.60.0.0/16', 'fd60::/48');
    const route = await first.route('10.60.0.0/16');
    expect(route).toMatch(/BGP\.med: 50\n/);
    expect(route).toMatch(/BGP\.community: \(64512,100\) \(65535,0\)/);
    expect(route).toMatch(/BGP\.large_community: \(64512, 1, 2\)/);
    const other = await first.route('fd60::/48');
    expect(other).toMatch(/BGP\.as_path: 64512 64999 65010\n/);
    expect(other).toMatch(/BGP\.origin: Incomplete/);
    expect(other).toMatch(/BGP\.next_hop: fd91:1::1/);
    await printed('route', 'delete', '10.60.0.0/16');
    await printed('route', 'delete', 'fd60::/48');
    await first.has('10.244.1.0/26');
    expect(await node.starling('route', 'delete', 'fd60::/48')).toMatchObject({
      code: 1,
      err: 'starling: no route fd60::/48 was added by hand\n',
    });
  });

  it('says of services what is advertised, to whom, and why not', async () => {
    node.writeBasics({ serviceLoadBalancerIPs: [{ cidr: '203.0.113.0/24' }] });
    node.write('services.yaml', ...services(true));
    await first.has('10.244.1.0/26', '203.0.113.0/24', '203.0.113.10/32');
    await second.has('10.244.1.0/26', '203.0.113.0/24');
    expect(await first.route('203.0.113.10/32')).toMatch(/BGP\.med: 30\n[\s\S]*BGP\.community: \(64512,1\)/);

    const list = await printed('service', 'list', '-n', 'shop');
    expect(list).toMatch(/^shop\/api +203\.0\.113\.11 +LoadBalancerIP +waiting +\S/m);
    expect(list).toMatch(/^shop\/web +203\.0\.113\.10 +LoadBalancerIP +yes +\S/m);
    expect(list).toMatch(/^shop\/web +10\.96\.0\.10 +ClusterIP +no +\S/m);
    const web = await printed('service', 'explain', 'shop/web', '--expect', 'advertised');
    expect(web).toMatch(/^shop\/web \(LoadBalancer\): 1 of 2 addresses advertised\.$/m);
    expect(web).toMatch(/^203\.0\.113\.10 {2}LoadBalancerIP {2}advertised as 203\.0\.113\.10\/32$/m);
    expect(web).toMatch(
      new RegExp(
        `^ {2}told to +${FIRST} \\(.*router-1.*\\) +as primary, MED 30, AS path 64512, communities 64512:1$`,
        'm',
      ),
    );
    expect(web).toMatch(new RegExp(`^ {2}not to +${SECOND} .*ServiceAdvertisement "first"`, 'm'));
    expect(web).toMatch(/^ {2}IPv4 +1 of 1 ready +/m);

    const api = await node.starling('service', 'explain', 'shop/api', '--expect', 'advertised');
    expect(api).toMatchObject({ code: 1, err: expect.stringContaining('203.0.113.11 is not: ') });
    expect((await node.starling('service', 'explain', 'shop/none')).code).toBe(1);
    const route = await printed('route', 'explain', '203.0.113.10');
    expect(route).toMatch(/originated here: .*shop\/web/);
    expect(route).toMatch(new RegExp(`${SECOND} .* no .*ServiceAdvertisement "first"`));
    expect(await printed('route', 'explain', '203.0.113.11')).toMatch(
      /^203\.0\.113\.11 is covered by 203\.0\.113\.0\/24, which[\s\S]*\n {2}shop\/api {2}LoadBalancerIP {2}not advertised: waiting for an endpoint\n {6}It waits for/,
    );
    expect(await node.starling('route', 'explain', '10.96.0.10')).toMatchObject({
      code: 1,
      out: expect.stringContaining('shop/web  ClusterIP  not advertised\n      BGPConfiguration "default" has no'),
    });
    using scratch = createScratch('services');
    const change = await node.starling('config', 'diff', scratch.write('services.yaml', json(services(false))));
    expect(change).toMatchObject({
      code: 1,
      out: expect.stringContaining(
        '  - 203.0.113.10/32 (shop/web)  withdrawn: ServiceAdvertisement "first" (scope Node',
      ),
    });
    expect(await printed('route', 'list', '203.0.113.10')).toMatch(/203\.0\.113\.10\/32 +self +service /);
    expect(await printed('status')).toMatch(/^Services +2 known, 2 routes advertised \(1 range\)$/m);

    node.write('services.yaml', ...services(false));
    await waitFor(() => node.starling('service', 'explain', 'shop/web', '--expect', 'advertised'), {
      what: 'the withdrawal that waits',
      accept: ({ code, out, err }) =>
        code === 1 &&
        /no longer wanted, .* is told on until/.test(out) &&
        err.includes('Told on for now, because its withdrawal has a delay'),
    });
    node.remove('services.yaml');
    node.writeBasics();
    await first.has('10.244.1.0/26');
    expect(await node.starling('service', 'list')).toMatchObject({ code: 0, out: '', err: 'no services\n' });
  });

  it('follows events', async () => {
    await using following = node.startStarling('events', '--follow');
    await waitFor(() => following.output().includes('starlingd 0.1.0 starts'), { what: 'the events so far' });
    await printed('route', 'add', '10.61.0.0/16');
    await printed('route', 'delete', '10.61.0.0/16');
    await waitFor(() => following.output(), {
      what: 'the new events',
      accept: (text) =>
        /advertisement +10\.61\.0\.0\/16 +originated: added by hand\n.*advertisement +10\.61\.0\.0\/16 +no longer/.test(
          text,
        ),
    });
    following.signal('SIGINT');
    expect(await following.ended).toBe(0);
  });

  it('says what a change of resources would do, and does not do it', async () => {
    using scratch = createScratch('diff');
    const files = (...resources: object[]) => scratch.write('change.yaml', json(resources));
    const before = await first.heard();
    const same = await node.starling('config', 'diff', files(bgpPeer(2, 65_002)));
    expect([same.code, same.out]).toEqual([0, 'No resource is different: the node would do nothing else than now.\n']);
    const path = files(bgpPeer(1, 65_009), bgpPeer(3, 65_003), block('10.244.7.0/26'));
    const { code, out, err } = await node.starling('config', 'diff', path);
    expect([code, err]).toEqual([1, '']);
    expect(out).toContain(
      `~ ${FIRST} (router-1): reset, its session is set up anew\n      peerAs: 65001 becomes 65009\n`,
    );
    expect(out).toContain(`+ ${linkAddresses(3).theirs} (router-3): added\n`);
    expect(out).toContain('+ 10.244.7.0/26  originated: ');
    expect((await node.starling('config', 'diff', files(bgpPeer(1, 65_001, { asNumber: 'x' })))).code).toBe(2);
    expect(await first.heard()).toEqual(before);
  });

  it('validates resources before they are used', async () => {
    using scratch = createScratch('validate');
    scratch.write(
      'peer.yaml',
      'apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: { name: tor }\nspec:\n  peerIP: 10.0.0.999\n',
    );
    scratch.write('broken.yaml', 'kind: [\n');
    const { code, out } = await node.starling('config', 'validate', scratch.path);
    expect(code).toBe(2);
    expect(out).toContain(`${scratch.path}/peer.yaml:5:3: error: BGPPeer "tor": spec.peerIP: `);
    expect(out).toMatch(/\/broken\.yaml:\d:\d: error: /);
    const json = await node.starling('config', 'validate', scratch.path, '-o', 'json');
    expect([json.code, JSON.parse(json.out)]).toEqual([2, expect.objectContaining({ valid: false })]);
    expect(await printed('config', 'validate', node.resources)).toMatch(/: valid, 5 resources\n$/);
  });
});

/** Neighbours change while packets flow: mesh to reflector, a label removed by mistake, a password, a neighbour behind a gateway. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Ping } from '../support/ping.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { link } from '../support/namespaces.ts';
import { Cluster, nodeAddress, podAddress } from './cluster-fixture.ts';
import type { ClusterNode } from './cluster-fixture.ts';
import { block, resource } from './daemon-fixture.ts';

const NEEDS = { root: true, programs: ['ip', 'nsenter', 'setpriv', 'ping'] } as const;
const [A, B, C, REFLECTOR, FAR] = [1, 2, 3, 4, 5];
const FAR_ADDRESS = '192.0.2.9';
/** Of the link between node a and the far router. */
const [NEAR_END, FAR_END] = ['10.96.0.1', '10.96.0.2'];

let cluster: Cluster;
let [a, b, c, reflector, far] = [] as unknown as ClusterNode[];
let ping: Ping;

function node(name: string, number: number, more: object, labels: Record<string, string> = {}): object {
  return resource('Node', name, { bgp: { ipv4Address: `${nodeAddress(number)}/24`, ...more } }, labels);
}

function writeReflector(labels: Record<string, string>): void {
  cluster.write('reflector.yaml', node('reflector', REFLECTOR, { routeReflectorClusterID: '10.94.0.4' }, labels));
}

function writeCluster(mesh: boolean, password: string): void {
  const nodeMeshPassword = { secretKeyRef: { name: 'mesh', key: 'password' } };
  cluster.write(
    'cluster.yaml',
    resource('BGPConfiguration', 'default', {
      nodeToNodeMeshEnabled: mesh,
      asNumber: 64_512,
      ...(mesh && { nodeMeshPassword }),
    }),
    resource('IPPool', 'pods', { cidr: '10.95.0.0/16', ipipMode: 'Never', vxlanMode: 'Never' }),
    ...(mesh ? [] : [resource('BGPPeer', 'reflectors', { nodeSelector: '!has(rr)', peerSelector: 'has(rr)' })]),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'mesh', namespace: 'kube-system' },
      stringData: { password },
    },
  );
}

/** Problems of a node that are about what is held back. */
async function held(of: ClusterNode): Promise<string[]> {
  return (await of.status()).problems.filter((words) => words.includes('held back'));
}

function flaps(of: ClusterNode): Promise<number[]> {
  return of.peers().then((peers) => peers.map((peer) => peer.flaps));
}

beforeAll(async () => {
  if (missingHere(NEEDS) !== undefined) return;
  cluster = new Cluster(['a', 'b', 'c', 'reflector', 'far']);
  [a, b, c, reflector, far] = cluster.nodes;
  link(
    { namespace: a.namespace, device: 'far0', addresses: [`${NEAR_END}/24`] },
    { namespace: far.namespace, device: 'near0', addresses: [`${FAR_END}/24`] },
  );
  far.ip('address', 'add', `${FAR_ADDRESS}/32`, 'dev', 'lo');
  cluster.separate(
    far,
    resource('Node', 'far', { bgp: { asNumber: 65_009, ipv4Address: `${FAR_ADDRESS}/32` } }),
    resource('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false }),
    resource('IPPool', 'far', { cidr: '10.95.0.0/16', ipipMode: 'Never', vxlanMode: 'Never' }),
    resource('BGPPeer', 'back', { peerIP: NEAR_END, asNumber: 64_512 }),
    block('10.95.5.0/26', 'far'),
  );
  cluster.write('nodes.yaml', node('a', A, {}), node('b', B, {}), node('c', C, {}));
  cluster.write('blocks.yaml', block('10.95.1.0/26', 'a'), block('10.95.2.0/26', 'b'), block('10.95.3.0/26', 'c'));
  writeReflector({ rr: 'true' });
  writeCluster(true, 'first');
  await cluster.start();
  await a.peersWith(B, C);
  await c.peersWith(A, B);
  ping = new Ping(a.namespace, podAddress(B), { rate: 500, source: podAddress(A) });
  await ping.answers(100);
}, 60_000);

afterAll(async () => {
  if (missingHere(NEEDS) !== undefined) return;
  await ping[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

beforeEach((ctx) => requireOrSkip(ctx, NEEDS));

describe('neighbours that change', { timeout: 60_000 }, () => {
  it('keep their sessions with another password', async () => {
    ping.restart();
    writeCluster(true, 'second');
    await waitFor(() => [a, b, c].every(({ log }) => log.includes('its password changed')), { what: 'the password' });
    // What is told now is signed with it.
    cluster.write('more.yaml', block('10.95.77.0/26', 'b'));
    await waitFor(() => a.ip('route'), { what: 'a route of b', accept: (routes) => routes.includes('10.95.77.0/26') });
    expect(await flaps(a)).toEqual([0, 0]);
    expect(ping.count().lost).toBe(0);
  });

  it('may be behind a gateway that only reachableBy names', async () => {
    const peer = { node: 'a', peerIP: FAR_ADDRESS, asNumber: 65_009, sourceAddress: 'None', reachableBy: FAR_END };
    cluster.write('far.yaml', resource('BGPPeer', 'far', peer));
    const route = () => a.ip('-o', 'route', 'get', podAddress(FAR));
    await waitFor(() => a.ip('route'), {
      what: `the far router's routes; ${a.log.slice(-3000)}`,
      timeoutMs: 20_000,
      accept: (routes) => routes.includes('10.95.5.0/26'),
    });
    expect(route()).toContain(`via ${FAR_END}`);
    expect(a.ip('-o', 'route', 'show', FAR_ADDRESS)).toContain('proto bird');
    const listed = await a.starling('fib', 'list', '--why', '-o', 'json');
    expect(listed.out).toContain('192.0.2.9/32');
    expect(listed.out).toMatch(/BGPPeer .*far/);
    const explained = await a.starling('peer', 'explain', 'far');
    expect([explained.code, explained.out.includes('Established')]).toEqual([0, true]);
    cluster.write('far.yaml');
    await waitFor(() => a.ip('route'), { what: 'its routes to go', accept: (routes) => !routes.includes('192.0.2.9') });
    expect((await a.starling('peer', 'explain', FAR_ADDRESS)).code).toBe(1);
  });

  it('lose no packet on the way from a mesh to a reflector', async () => {
    await a.peersWith(B, C);
    ping.restart();
    writeCluster(false, 'second');
    await Promise.all([a, b, c].map((one) => one.peersWith(REFLECTOR)));
    await reflector.peersWith(A, B, C);
    await ping.answers(200);
    expect(ping.count()).toMatchObject({ lost: 0, gaps: [] });
    expect(a.log).toMatch(/kept until 10\.94\.0\.4 is up/);
    expect(await held(a)).toEqual([]);
  });

  it('stay where a label was removed by mistake, and go when that is confirmed', async () => {
    ping.restart();
    writeReflector({});
    const problem =
      /Peer 10\.94\.0\.4 is held back from being removed: It is wanted no more, but no session would be left/;
    await waitFor(() => held(a), { what: 'the problem', accept: (words) => problem.test(words.join()) });
    await waitFor(() => held(reflector), {
      what: 'the problem of the reflector',
      accept: ({ length }) => length === 1,
    });
    const shown = await a.starling('peer', 'confirm');
    expect([shown.code, shown.out]).toEqual([1, expect.stringMatching(/10\.94\.0\.4 +removed/)]);
    expect((await a.starling('peer', 'list')).out).toContain('no session would be left');
    expect((await a.status()).peers).toMatchObject({ established: 1, held: 1 });
    // Resources that are all gone take nothing away either.
    const files = ['nodes.yaml', 'blocks.yaml', 'cluster.yaml', 'reflector.yaml'];
    const restore = cluster.remove(...files);
    await waitFor(() => a.status(), {
      what: 'the resources to be gone',
      accept: ({ problems }) => problems.some((words) => words.includes('There is no Node')),
    });
    expect(a.ip('route')).toMatch(/blackhole 10\.95\.1\.0\/26[^]*10\.95\.2\.0\/26/);
    restore();
    writeReflector({ rr: 'true' });
    await waitFor(() => held(a), { what: 'the end of the problem', accept: ({ length }) => length === 0 });
    expect(await flaps(a)).toEqual([0]);
    writeReflector({});
    await waitFor(() => held(a), { what: 'the problem again', accept: ({ length }) => length === 1 });
    await ping.answers(100);
    expect(ping.count().lost).toBe(0);
    const done = await a.starling('peer', 'confirm', '--yes');
    expect(done).toMatchObject({ code: 0, out: 'Done: 10.94.0.4 is removed.\n' });
    expect(await a.peers()).toEqual([]);
  });
});

/** A drained node as its peers see it: FRR, which knows GRACEFUL_SHUTDOWN (RFC 8326) by itself, and BIRD. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DrainReport } from '../../src/api/types.ts';
import type { RunningProcess } from '../support/processes.ts';
import { startFrr } from '../support/routers/frr.ts';
import type { Router } from '../support/routers/router.ts';
import { createScratch } from '../support/scratch.ts';
import type { Scratch } from '../support/scratch.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, NODE_AS, TestNode, bgpPeer, block, linkAddresses, resource } from './daemon-fixture.ts';

const NEEDS = { root: true, programs: [...DAEMON_NEEDS.programs, 'bgpd', 'vtysh'] } as const;

const PODS = '10.70.1.0/26';
const SERVICE = '203.0.113.5/32';
const BIRDS = '10.80.0.0/16';
const ADDRESSES = [linkAddresses(1), linkAddresses(2)];

let scratch: Scratch;
let node: TestNode;
let frr: Router;
let bird: Bird;
let daemon: RunningProcess;

/** What FRR thinks of a route of the node. */
type Heard = 'plain' | 'last resort' | 'gone';

async function heard(prefix: string): Promise<Heard> {
  const text = (await frr.paths?.(prefix)) ?? '';
  if (!text.includes(`from ${ADDRESSES[0].ours}`)) return 'gone';
  return text.includes('graceful-shutdown') && text.includes('localpref 0,') ? 'last resort' : 'plain';
}

/** Waits until FRR has heard this of service and pods, in one look. */
async function hears(service: Heard, pods: Heard): Promise<void> {
  await waitFor(async () => `${await heard(SERVICE)}, ${await heard(PODS)}`, {
    what: `the service to be ${service}, the pods ${pods}`,
    accept: (words) => words === `${service}, ${pods}`,
  });
}

function reaches(stage: DrainReport['stage']): Promise<DrainReport> {
  return waitFor(async () => (await node.status()).drain, {
    what: `stage ${stage}`,
    accept: (drain) => drain.stage === stage,
  });
}

function configure(drain: object): string {
  const file = { path: node.resources };
  return node.configure({ datastore: { type: 'file', file, cache: scratch.path }, drain });
}

/** Takes other settings, which the daemon does at once. */
async function reconfigure(drain: object): Promise<void> {
  const before = node.log.length;
  configure(drain);
  daemon.signal('SIGHUP');
  await waitFor(() => node.log.slice(before), { what: 'SIGHUP', accept: (log) => log.includes('read again') });
}

async function startDaemon(drain: object): Promise<void> {
  daemon = await node.startDaemon(configure(drain));
  await node.established(...ADDRESSES.map(({ theirs }) => theirs));
}

/** Writes the Service, with one endpoint on the node. */
function writeService(ready: boolean): void {
  const labels = { 'kubernetes.io/service-name': 'web' };
  const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', clusterIP: '10.96.0.5', ports: [{ port: 80 }] };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec,
    status: { loadBalancer: { ingress: [{ ip: SERVICE.split('/')[0] }] } },
  };
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', namespace: 'default', labels },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.70.1.5'], nodeName: node.name, conditions: { ready } }],
    ports: [{ port: 80 }],
  };
  node.replace('service.yaml', service, slice);
}

beforeEach((ctx) => requireOrSkip(ctx, NEEDS));

describe('a node that is drained', () => {
  beforeAll(async () => {
    if (missingHere(NEEDS) !== undefined) return;
    scratch = createScratch('drain');
    node = new TestNode();
    const [first, second] = [node.addLink(1), node.addLink(2)];
    node.writeBasics({ serviceLoadBalancerIPs: [{ cidr: '203.0.113.0/24' }] });
    node.write('pods.yaml', resource('IPPool', 'pods', { cidr: '10.70.0.0/16' }), block(PODS));
    node.write('peers.yaml', bgpPeer(1, 65_001), bgpPeer(2, 65_002));
    writeService(true);
    const neighbour = { address: ADDRESSES[0].ours, asn: NODE_AS, families: ['ipv4'] as const, restartTime: 120 };
    const config = { asn: 65_001, routerId: '10.91.1.2', address: ADDRESSES[0].theirs, neighbours: [neighbour] };
    frr = await startFrr(config, { namespace: first });
    bird = await Bird.start(second, 2, 65_002, [BIRDS]);
    await startDaemon({ wait: 0, servicesWait: 3600 });
  });
  afterAll(async () => {
    await frr?.[Symbol.asyncDispose]();
    await bird?.[Symbol.asyncDispose]();
    await node?.[Symbol.asyncDispose]();
    scratch?.[Symbol.dispose]();
  });

  it('is left in order: others are preferred first, then services go, then pods', async () => {
    await hears('plain', 'plain');
    const { out } = await node.starling('drain', '--wait', '1h', '--message', 'new kernel');
    expect(out).toBe('The drain begins. It lasts until `starling undrain`, also over a restart.\n');
    await hears('last resort', 'last resort');
    await waitFor(() => bird.birdc('show', 'route', PODS, 'all'), {
      what: 'the community',
      accept: (text) => text.includes('(65535,0)'),
    });
    const status = await node.starling('status');
    expect(status.out).toMatch(
      /Drain +Draining because `starling drain` said so \("new kernel"\): .*; in 3[56]\d\d s, services are withdrawn/,
    );

    await node.starling('drain', '--wait', '0s');
    await hears('gone', 'last resort');
    expect(await reaches('services-withdrawn')).toMatchObject({ target: 'withdrawn' });

    await reconfigure({ wait: 0, servicesWait: 0 });
    await hears('gone', 'gone');
    expect(await reaches('withdrawn')).toMatchObject({
      words: 'Drained because `starling drain` said so: services and pods are withdrawn.',
    });
    expect(await node.metric('starling_drain_stage', 'stage="withdrawn"')).toBe(1);
  });

  it('has lost no session by that', async () => {
    expect((await node.peers()).map(({ state, flaps }) => [state, flaps])).toEqual([
      ['Established', 0],
      ['Established', 0],
    ]);
    expect((await frr.neighbour(ADDRESSES[0].ours)).text).toContain('"connectionsEstablished":1');
  });

  it('stays drained over a restart', async () => {
    daemon.signal('SIGTERM');
    expect(await daemon.ended).toBe(0);
    await startDaemon({ wait: 0, servicesWait: 0 });
    await reaches('withdrawn');
    expect([await heard(SERVICE), await heard(PODS)]).toEqual(['gone', 'gone']);
    const events = (await node.events()).map(({ words }) => words);
    expect(events).toContain('drain: services and pods are withdrawn, because `starling drain` said so');
    expect(events.filter((words) => words.startsWith('originated:'))).toEqual([]);
  });

  it('comes back with its pods, and with a service when that has an endpoint', async () => {
    writeService(false);
    const { code, out } = await node.starling('undrain', '--follow');
    expect({ code, last: out.trimEnd().split('\n').at(-1) }).toEqual({
      code: 0,
      last: 'The node serves: nothing asks for a drain.',
    });
    await hears('gone', 'plain');
    writeService(true);
    await hears('plain', 'plain');
    expect((await node.peers()).map(({ flaps }) => flaps)).toEqual([0, 0]);
  });

  it('goes back a part of the way while it is cordoned', async () => {
    await reconfigure({ wait: 0, servicesWait: 0, onCordon: true });
    const { ours, ours6 } = ADDRESSES[0];
    const bgp = { asNumber: NODE_AS, ipv4Address: `${ours}/24`, ipv6Address: `${ours6}/64` };
    node.replace('node.yaml', resource('Node', node.name, { bgp, unschedulable: true }));
    await hears('gone', 'last resort');
    node.replace('node.yaml', resource('Node', node.name, { bgp }));
    await hears('plain', 'plain');
    expect(await reaches('serving')).toMatchObject({ causes: [] });
  });

  it('leaves no stale route behind where SIGTERM is the end of the node, and the kernel as it is', async () => {
    const kernel = (): Promise<object[]> => node.ip('route', 'show', BIRDS);
    expect(await kernel()).toHaveLength(1);
    await reconfigure({ wait: 0, servicesWait: 0, onStop: 'always' });
    daemon.signal('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect([await heard(SERVICE), await heard(PODS)]).toEqual(['gone', 'gone']);
    expect((await frr.neighbour(ADDRESSES[0].ours)).text).toMatch(/"lastResetDueTo":"BGP Notification received"/);
    expect(await kernel()).toHaveLength(1);
    expect(node.log).toContain('drain: this stop is no restart, because drain.onStop is "always"');
  });

  it('stops for good at the end of a drain where that is wanted', async () => {
    await startDaemon({ wait: 0, servicesWait: 0 });
    await hears('plain', 'plain');
    const { code, out } = await node.starling('drain', '--for-good', '--follow');
    expect({ code, last: out.trimEnd().split('\n').at(-1) }).toEqual({ code: 0, last: 'The daemon has stopped.' });
    expect(await daemon.ended).toBe(0);
    expect(await heard(PODS)).toBe('gone');
    expect(await node.ip('route', 'show', BIRDS)).toEqual([]);
  });
});

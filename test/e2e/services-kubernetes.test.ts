/**
 * A client behind a ToR (FRR) reaches services of a cluster, whose resources are in a Kubernetes API server, over every node
 * that may take their requests, while pods move and nodes are drained.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findKubeApiServer } from '../support/kube-api.ts';
import type { KubeApi } from '../support/kube-api.ts';
import { startFrr } from '../support/routers/frr.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { FABRIC_NEEDS, Fabric, hostRoute } from './services-fixture.ts';
import { NAMESPACE, ready, terminating } from './services-model.ts';
import type { TestService } from './services-model.ts';
import { fabricLink } from './services-node.ts';
import { kubernetesStore } from './services-stores.ts';
import { failures } from './services-traffic.ts';
import type { Target, TargetCount } from './services-traffic.ts';

const { path: program, missing: notBuilt } = findKubeApiServer();
const NEEDS = { ...FABRIC_NEEDS, programs: [...FABRIC_NEEDS.programs, 'vtysh', 'etcd', 'openssl'] };
const missing = notBuilt ?? missingHere(NEEDS);

/** Addresses by family. */
const WEB = {
  cluster: ['10.96.0.10', 'fd00:10:96::10'],
  external: ['10.98.0.1', 'fd98:0:0:1::1'],
  lb: ['10.98.1.1', 'fd98:0:0:2::1'],
};
const LOCAL = { cluster: ['10.96.0.11', 'fd00:10:96::11'], lb: ['10.98.1.2', 'fd98:0:0:2::2'] };
const SINGLE = { cluster: ['10.96.0.12', 'fd00:10:96::12'], lb: ['10.98.2.7', 'fd98:0:0:3::7'] };
const APART = { cluster: ['10.96.0.13', 'fd00:10:96::13'], external: ['10.98.0.4', 'fd98:0:0:1::4'] };
const SOLO = { cluster: ['10.96.0.14'], lb: ['10.98.1.5'] };
const CLIENT = ['10.97.0.1', 'fd97::1'];
/** How long node 4 waits in the middle of a drain, in seconds: longer than any test. */
const LONG = 300;

function services(fabric: Fabric): TestService[] {
  const pods = (...names: string[]) => names.map((name) => ready(fabric.pod(name)));
  return [
    {
      name: 'web',
      clusterIPs: WEB.cluster,
      externalIPs: WEB.external,
      loadBalancerIPs: WEB.lb,
      endpoints: pods('1a', '2a', '3a', '4a'),
    },
    {
      name: 'local',
      clusterIPs: LOCAL.cluster,
      loadBalancerIPs: LOCAL.lb,
      externalTrafficPolicy: 'Local',
      endpoints: pods('1b', '3b'),
    },
    { name: 'single', clusterIPs: SINGLE.cluster, loadBalancerIPs: SINGLE.lb, endpoints: pods('2a') },
    {
      name: 'apart',
      clusterIPs: APART.cluster,
      externalIPs: APART.external,
      externalTrafficPolicy: 'Local',
      endpoints: [
        { ...ready(fabric.pod('2c')), family: 'IPv4' },
        { ...ready(fabric.pod('4c')), family: 'IPv6' },
      ],
    },
    {
      name: 'solo',
      clusterIPs: SOLO.cluster,
      loadBalancerIPs: SOLO.lb,
      externalTrafficPolicy: 'Local',
      endpoints: pods('4d'),
    },
  ];
}

/** Every way to the services: packets at each address, and connections at some. */
const TARGETS: readonly Target[] = [
  ...['cluster', 'external', 'lb'].flatMap((kind) =>
    WEB[kind as keyof typeof WEB].map((host, i): Target => ({ name: `web ${kind} ${i}`, host, kind: 'udp', rate: 50 })),
  ),
  ...LOCAL.lb.map((host, i): Target => ({ name: `local ${i}`, host, kind: 'udp', rate: 50 })),
  ...SINGLE.lb.map((host, i): Target => ({ name: `single ${i}`, host, kind: 'udp', rate: 50 })),
  { name: 'web http', host: WEB.lb[0], kind: 'http', rate: 50 },
  { name: 'local http', host: LOCAL.lb[1], kind: 'http', rate: 50 },
];

let fabric: Fabric;
let kube: KubeApi;

beforeAll(async () => {
  if (missing !== undefined) return;
  const store = await kubernetesStore(program ?? '');
  kube = store.kube;
  const settings = (number: number) => ({
    drain: { wait: number === 4 ? LONG : 0, servicesWait: 0, onCordon: true, onStop: 'cordoned' },
  });
  fabric = await Fabric.start({ store, tor: startFrr, settings }, services);
});

afterAll(() => fabric?.[Symbol.asyncDispose]());

beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
});

/** Waits until the ranges are reached over all nodes. */
const whole = () =>
  fabric.allReachedOver(['10.96.0.0/16', 'fd00:10:96::/112', '10.98.1.0/24', 'fd98:0:0:2::/64'], 1, 2, 3, 4);

const at = (...names: string[]) => names.map((name) => ready(fabric.pod(name)));
/** Nodes that rewrote requests to pods of others, by their addresses: pods on the same node see the client. */
const throughNodes = ({ sources }: TargetCount) =>
  Object.keys(sources)
    .filter((one) => !CLIENT.includes(one))
    .sort();
const by = ({ pods }: TargetCount) => Object.keys(pods).sort();

describe('a client behind the ToR', () => {
  it('reaches services over every node that may take their requests, and over no other', async () => {
    await whole();
    await fabric.allReachedOver(LOCAL.lb.map(hostRoute), 1, 3);
    await fabric.allReachedOver(SINGLE.lb.map(hostRoute), 1, 2, 3, 4);
    await fabric.allReachedOver([...WEB.cluster, ...WEB.external, ...WEB.lb, ...LOCAL.cluster].map(hostRoute));
    await fabric.traffic.start(TARGETS);
    await fabric.traffic.answers(60);
    const counts = await fabric.traffic.stop();
    expect(failures(counts)).toEqual([]);
    const nodes = [1, 2, 3, 4].map((number) => fabricLink(number));
    for (const name of ['cluster', 'external', 'lb']) {
      expect(throughNodes(counts[`web ${name} 0`])).toEqual(nodes.map(({ ours }) => ours));
      expect(throughNodes(counts[`web ${name} 1`])).toEqual(nodes.map(({ ours6 }) => ours6));
      expect(by(counts[`web ${name} 0`])).toEqual(['1a', '2a', '3a', '4a']);
    }
    expect(throughNodes(counts['single 1'])).toEqual([1, 3, 4].map((number) => fabricLink(number).ours6));
    for (const family of [0, 1]) {
      expect(Object.keys(counts[`local ${family}`].sources)).toEqual([CLIENT[family]]);
      expect(by(counts[`local ${family}`])).toEqual(['1b', '3b']);
    }
  });

  it('reaches each family over the nodes where that family is ready', async () => {
    const [ipv4, ipv6] = APART.external.map(hostRoute);
    expect(await fabric.reachedOver(ipv4, 2)).toEqual([2]);
    expect(await fabric.reachedOver(ipv6, 4)).toEqual([4]);
  });
});

describe('no request fails', () => {
  it('while pods move', async () => {
    const failed = await fabric.failuresDuring(TARGETS, async () => {
      await fabric.setEndpoints('local', terminating(fabric.pod('1b')), ...at('2b', '3b'));
      await fabric.setEndpoints('web', terminating(fabric.pod('1a')), ...at('2a', '3a', '4a', '4b'));
      await fabric.allReachedOver(LOCAL.lb.map(hostRoute), 2, 3);
      await fabric.setEndpoints('local', ...at('2b', '3b'));
      await fabric.setEndpoints('web', ...at('2a', '3a', '4a', '4b'));
      for (const name of ['1a', '1b']) fabric.nodes[0].remove(fabric.pod(name));
    });
    expect(failed).toEqual([]);
  });

  it('while a node is drained and comes back', async () => {
    const [, , node] = fabric.nodes;
    const blocks = ['10.65.3.0/26', 'fd65:0:0:3::/122'];
    const failed = await fabric.failuresDuring(TARGETS, async () => {
      // As kubectl drain does.
      await fabric.setEndpoints('local', terminating(fabric.pod('3b')), ...at('2b'));
      await fabric.setEndpoints('web', terminating(fabric.pod('3a')), ...at('2a', '4a'));
      await fabric.allReachedOver(LOCAL.lb.map(hostRoute), 2);
      await fabric.setEndpoints('local', ...at('2b'));
      await fabric.setEndpoints('web', ...at('2a', '4a'));
      expect(await node.starling('drain')).toMatchObject({ code: 0 });
      await fabric.allReachedOver(['10.96.0.0/16', 'fd98:0:0:2::/64', ...SINGLE.lb.map(hostRoute)], 1, 2, 4);
      await fabric.allReachedOver(blocks);
      await fabric.traffic.answers(20);
      expect(await node.starling('undrain')).toMatchObject({ code: 0 });
      await whole();
      await fabric.allReachedOver(blocks, 3);
      await fabric.setEndpoints('local', ...at('2b', '3b'));
      await fabric.allReachedOver(LOCAL.lb.map(hostRoute), 2, 3);
    });
    expect(failed).toEqual([]);
  });

  it('while a node is cordoned, goes down, and comes back', async () => {
    const [node] = fabric.nodes;
    const cordon = (unschedulable: boolean) =>
      kube.request('PATCH', '/api/v1/nodes/node-1', { spec: { unschedulable } }, 'application/merge-patch+json');
    const failed = await fabric.failuresDuring(TARGETS, async () => {
      await cordon(true);
      await fabric.allReachedOver(['10.96.0.0/16', 'fd98:0:0:2::/64'], 2, 3, 4);
      await fabric.reachedOver('10.65.1.0/26', 1);
      await node.endDaemon('SIGTERM');
      await fabric.allReachedOver(['10.65.1.0/26', 'fd65:0:0:1::/122']);
      await node.start();
      await fabric.reachedOver('10.65.1.0/26', 1);
      await cordon(false);
      await whole();
    });
    expect(failed).toEqual([]);
  });

  it('and no connection ends while a drained node still has its services', async () => {
    const [, , , node] = fabric.nodes;
    await using client = fabric.anotherClient();
    await client.start([{ name: 'solo', host: SOLO.lb[0], kind: 'kept', rate: 50 }]);
    await client.answers(5);
    const failed = await fabric.failuresDuring(TARGETS, async () => {
      expect(await node.starling('drain')).toMatchObject({ code: 0 });
      await fabric.allReachedOver(['10.96.0.0/16', 'fd00:10:96::/112'], 1, 2, 3);
      await client.answers(10);
      expect(await node.starling('undrain')).toMatchObject({ code: 0 });
      await whole();
      await client.answers(5);
    });
    expect(failed).toEqual([]);
    expect(failures(await client.stop())).toEqual([]);
  });
});

describe('an EndpointSlice that is deleted', () => {
  it('takes the routes of its family away at once, and no others', async () => {
    const [ipv4, ipv6] = LOCAL.lb.map(hostRoute);
    await fabric.allReachedOver([ipv4, ipv6], 2, 3);
    const metadata = { name: 'local-ipv4', namespace: NAMESPACE };
    await kube.delete({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata });
    expect(await fabric.reachedOver(ipv4)).toEqual([]);
    expect(await fabric.reachedOver(ipv6, 2, 3)).toEqual([2, 3]);
  });
});

describe('EndpointSlices that lose all endpoints, each by itself', () => {
  /** More routes than node 1 has of others, with one pod of its own behind them. */
  const many = (endpoints: TestService['endpoints']) =>
    Array.from({ length: 12 }, (_, i): TestService => {
      const number = 100 + i;
      const [clusterIPs, loadBalancerIPs] = [
        [`10.96.0.${number}`, `fd00:10:96::${number}`],
        [`10.98.1.${number}`, `fd98:0:0:2::${number}`],
      ];
      return { name: `many-${i}`, clusterIPs, loadBalancerIPs, externalTrafficPolicy: 'Local', endpoints };
    });
  const prefixes = many([]).flatMap(({ loadBalancerIPs = [] }) => loadBalancerIPs.map(hostRoute));

  it('leave their routes where they were for a moment, until another node has the endpoints', async () => {
    const [node] = fabric.nodes;
    const before = fabric.all;
    await fabric.set(...many(at('1b')));
    await fabric.allReachedOver(prefixes, 1);
    await fabric.pretend([...before, ...many([])]);
    const { out } = await waitFor(() => node.starling('status'), {
      what: 'the guard',
      accept: (status) => status.out.includes(`${prefixes.length} routes to services are wanted no more, and kept for`),
    });
    expect(out).toContain(`${prefixes.length} of them told on though no longer wanted`);
    await fabric.allReachedOver(prefixes, 1);
    await fabric.pretend([...before, ...many(at('2b'))]);
    await fabric.allReachedOver(prefixes, 2);
  });
});

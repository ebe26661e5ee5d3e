/**
 * A client behind a ToR (BIRD) goes on to reach services of a cluster, whose resources are in etcd, while a zone fails, a daemon
 * restarts, and the datastore loses its mind for a moment.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startBird } from '../support/routers/bird.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { FABRIC_NEEDS, Fabric, hostRoute } from './services-fixture.ts';
import { notReady, ready } from './services-model.ts';
import type { TestService } from './services-model.ts';
import { etcdStore } from './services-stores.ts';
import { failures } from './services-traffic.ts';
import type { Target } from './services-traffic.ts';

const missing = missingHere({ ...FABRIC_NEEDS, programs: [...FABRIC_NEEDS.programs, 'bird', 'birdc', 'etcd'] });

const DB = ['10.98.1.5', 'fd98:0:0:2::5'];
const LOCALS = [1, 2, 3].map((number) => [`10.98.1.${number + 10}`, `fd98:0:0:2::${number + 10}`]);

function services(fabric: Fabric): TestService[] {
  const zone = (name: string) => fabric.nodes.filter((node) => node.zone === name).map(({ pods }) => pods[0]);
  return [
    {
      name: 'db',
      labels: { app: 'db' },
      clusterIPs: ['10.96.0.20', 'fd00:10:96::20'],
      loadBalancerIPs: DB,
      externalTrafficPolicy: 'Cluster',
      endpoints: [...zone('a').map(ready), ...zone('b').map(notReady)],
    },
    ...LOCALS.map((loadBalancerIPs, index): TestService => ({
      name: `local-${index}`,
      clusterIPs: [`10.96.0.${index + 30}`, `fd00:10:96::${index + 30}`],
      loadBalancerIPs,
      externalTrafficPolicy: 'Local',
      endpoints: fabric.nodes.map(({ pods }) => ready(pods[1])),
    })),
  ];
}

const ZONAL = {
  apiVersion: 'starling.dev/v1alpha1',
  kind: 'ServiceAdvertisement',
  metadata: { name: 'zonal' },
  spec: { serviceSelector: "app == 'db'", scope: 'Zone', others: 'Backup', backup: { communities: ['65000:666'] } },
};

const TARGETS: readonly Target[] = [
  ...[...DB, ...LOCALS.flat()].map((host): Target => ({ name: host, host, kind: 'udp', rate: 50 })),
  { name: 'db http', host: DB[0], kind: 'http', rate: 50 },
  { name: 'local http', host: LOCALS[0][1], kind: 'http', rate: 50 },
];

let fabric: Fabric;

beforeAll(async () => {
  if (missing !== undefined) return;
  const store = await etcdStore();
  await store.apply(ZONAL);
  // Longer than any test.
  const settings = () => ({ services: { guard: { minPrefixes: 4, holdTime: 300 } } });
  fabric = await Fabric.start({ store, tor: startBird, settings }, services);
});

afterAll(() => fabric?.[Symbol.asyncDispose]());

const dbOver = (...nodes: readonly number[]) => fabric.allReachedOver(DB.map(hostRoute), ...nodes);
const localsOverAll = () => fabric.allReachedOver(LOCALS.flat().map(hostRoute), 1, 2, 3, 4);

beforeEach(async (ctx) => {
  if (missing !== undefined) ctx.skip(missing);
  await dbOver(1, 2);
  await localsOverAll();
});

describe('no request fails', () => {
  it('while another zone takes over, and gives back', async () => {
    const paths = await fabric.router!.paths!(hostRoute(DB[0]));
    expect(paths.match(/65000,666/g)).toHaveLength(2);
    const pods = ['1a', '2a', '3a', '4a'].map((name) => fabric.pod(name));
    const failed = await fabric.failuresDuring(TARGETS, async () => {
      await fabric.setEndpoints('db', ...pods.map((pod) => (pod.zone === 'a' ? notReady(pod) : ready(pod))));
      await dbOver(3, 4);
      await fabric.traffic.answers(20);
      await fabric.setEndpoints('db', ...pods.map((pod) => (pod.zone === 'a' ? ready(pod) : notReady(pod))));
      await dbOver(1, 2);
    });
    expect(failed).toEqual([]);
  });

  it('while daemons restart', async () => {
    const failed = await fabric.failuresDuring(TARGETS, async () => {
      for (const [node, signal] of [
        [fabric.nodes[0], 'SIGTERM'],
        [fabric.nodes[3], 'SIGKILL'],
      ] as const) {
        await node.endDaemon(signal);
        await fabric.traffic.answers(20);
        await node.start();
        await node.established(7);
        await waitFor(() => node.log, {
          what: 'the end of the first sync',
          timeoutMs: 20_000,
          accept: (log) => log.includes('the kernel has all routes of the first sync'),
        });
        await localsOverAll();
      }
      await dbOver(1, 2);
    });
    expect(failed).toEqual([]);
  });

  it('while the datastore has no EndpointSlices for a moment', async () => {
    const { all } = fabric;
    const failed = await fabric.failuresDuring(TARGETS, async () => {
      await fabric.pretend(all.map((service) => ({ ...service, endpoints: [] })));
      for (const node of fabric.nodes) await heldOn(node, true);
      await fabric.traffic.answers(20);
      await localsOverAll();
      await fabric.pretend(all);
      for (const node of fabric.nodes) await heldOn(node, false);
      await localsOverAll();
    });
    expect(failed).toEqual([]);
  });
});

describe('a zone without power', () => {
  it('is replaced by its backups at once, without help of the datastore', async () => {
    await fabric.traffic.start(TARGETS);
    for (const number of [1, 2]) fabric.cutOff(number);
    // Long before the hold time is over.
    await dbOver(3, 4);
    await fabric.allReachedOver(LOCALS.flat().map(hostRoute), 3, 4);
    // Only now kube-proxy hears that endpoints are gone.
    const left = fabric.nodes.slice(2);
    await fabric.setEndpoints('db', ...left.map(({ pods }) => ready(pods[0])));
    // By that the backups become the zone that has the endpoints, one after the other: each of these changes may move connections.
    for (const host of DB) {
      await waitFor(() => fabric.router!.paths!(hostRoute(host)), {
        what: `no backup to be left for ${host}`,
        accept: (paths) => !paths.includes('65000,666'),
      });
    }
    await dbOver(3, 4);
    await fabric.traffic.restart();
    await fabric.traffic.answers(20);
    expect(failures(await fabric.traffic.stop())).toEqual([]);
  });
});

/** Waits until a node says that it holds withdrawals, or no longer. */
async function heldOn(node: Fabric['nodes'][number], isHeld: boolean): Promise<void> {
  await waitFor(async () => (await node.status()).problems.join('\n'), {
    what: `${node.name} ${isHeld ? 'to hold withdrawals' : 'to hold nothing'}`,
    accept: (problems) => /kept for \d+ s/.test(problems) === isHeld,
  });
}

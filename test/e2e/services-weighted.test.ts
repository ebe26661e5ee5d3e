/** How services are told: what ToRs are to make of it, and that FRR sends packets accordingly. */
import { beforeEach, describe, expect, it } from 'vitest';
import { startFrr } from '../support/routers/frr.ts';
import { startStarling } from '../support/routers/starling.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { FABRIC_NEEDS, Fabric } from './services-fixture.ts';
import { notReady, ready } from './services-model.ts';
import type { TestService } from './services-model.ts';
import { startForwardingGobgpd } from './services-gobgpd.ts';
import { fileStore } from './services-stores.ts';
import { failures } from './services-traffic.ts';
import type { Target, TargetCount } from './services-traffic.ts';

const ADDRESSES = ['10.98.1.1', 'fd98:0:0:2::1'];
const PREFIXES = ['10.98.1.1/32', 'fd98:0:0:2::1/128'];
const TARGETS = ADDRESSES.map((host): Target => ({ name: host, host, kind: 'udp', rate: 400 }));

const service = (fabric: Fabric, more: Partial<TestService>, ...names: string[]): TestService => ({
  name: 'any',
  clusterIPs: ['10.96.0.10', 'fd00:10:96::10'],
  loadBalancerIPs: ADDRESSES,
  externalTrafficPolicy: 'Local',
  endpoints: names.map((name) => ready(fabric.pod(name))),
  ...more,
});

const advertisement = (spec: object) => ({
  apiVersion: 'starling.dev/v1alpha1',
  kind: 'ServiceAdvertisement',
  metadata: { name: 'any' },
  spec,
});

describe('requests are spread by the number of ready endpoints of each node', () => {
  it.for([
    ['FRR', startFrr, ['vtysh']],
    ['Starling', startStarling, []],
  ] as const)('by %s', async ([, tor, programs], ctx) => {
    requireOrSkip(ctx, { ...FABRIC_NEEDS, programs: [...FABRIC_NEEDS.programs, ...programs] });
    const store = fileStore();
    await store.apply(advertisement({ weighted: true }));
    await using fabric = await Fabric.start({ store, tor, nodes: 2, mesh: false }, (fabric) => [
      service(fabric, {}, '1a', '1b', '1c', '2a'),
    ]);
    await weights(fabric, 3, 1);
    expect(await unlikely(fabric, 0.75)).toEqual([]);
    await fabric.setEndpoints('any', ...['1a', '2a', '2b', '2c', '2d'].map((name) => ready(fabric.pod(name))));
    await weights(fabric, 1, 4);
    expect(await unlikely(fabric, 0.2)).toEqual([]);
  });
});

/** Waits until the ToR's kernel has weights for nodes 1 and 2 in this proportion, give or take the rounding of FRR to percents. */
async function weights(fabric: Fabric, first: number, second: number): Promise<void> {
  for (const prefix of PREFIXES) {
    await waitFor(() => fabric.hops(prefix), {
      what: `weights ${first}:${second} for ${prefix}`,
      timeoutMs: 20_000,
      accept: (hops) =>
        hops.map(({ node }) => node).join() === '1,2' &&
        Math.abs(hops[0].weight / hops[1].weight / (first / second) - 1) < 0.1,
    });
  }
}

/** Of how many requests the share of node 1 is looked at, for each family. */
const REQUESTS = 400;

/** Sends requests; what is not as where node 1 gets this share of them, within six standard deviations. */
async function unlikely(fabric: Fabric, share: number): Promise<readonly string[]> {
  await fabric.traffic.start(TARGETS);
  await fabric.traffic.answers(REQUESTS);
  const counts = await fabric.traffic.stop();
  const far = ADDRESSES.flatMap((host) => {
    const { answered } = counts[host];
    const got = requestsTo(counts[host], '1') / answered;
    const deviation = Math.sqrt((share * (1 - share)) / answered);
    return Math.abs(got - share) < 6 * deviation ? [] : [`${host}: node 1 got ${got} of ${answered} requests`];
  });
  return [...failures(counts), ...far];
}

function requestsTo({ pods }: TargetCount, node: string): number {
  const counts = Object.entries(pods).filter(([pod]) => pod.startsWith(node));
  return counts.reduce((sum, [, count]) => sum + count, 0);
}

describe('gobgpd', () => {
  beforeEach((ctx) => requireOrSkip(ctx, { ...FABRIC_NEEDS, programs: [...FABRIC_NEEDS.programs, 'gobgpd', 'gobgp'] }));

  it('is told who is the backup, and when that changes, and no request fails', async () => {
    const store = fileStore();
    const spec = {
      scope: 'Zone',
      others: 'Backup',
      communities: ['65000:1'],
      med: 50,
      backup: { communities: ['65000:2'] },
    };
    await store.apply(advertisement(spec));
    await using fabric = await Fabric.start({ store, tor: startForwardingGobgpd, nodes: 3, mesh: false }, (fabric) => [
      service(fabric, { externalTrafficPolicy: 'Cluster' }, '1a', '2a'),
    ]);
    const primary = '64512 {Med: 50} 65000:1';
    const backup = '64512 64512 64512 64512 {Med: 150} 65000:1, 65000:2';
    const before = [`1 ${primary}`, `2 ${primary}`, `3 ${backup}`];
    for (const prefix of PREFIXES) expect(await told(fabric, prefix, before)).toEqual(before);
    await fabric.allReachedOver(PREFIXES, 1, 2);
    const after = [`1 ${backup}`, `2 ${backup}`, `3 ${primary}`];
    const failed = await fabric.failuresDuring(TARGETS, async () => {
      await fabric.setEndpoints('any', notReady(fabric.pod('1a')), notReady(fabric.pod('2a')), ready(fabric.pod('3a')));
      for (const prefix of PREFIXES) expect(await told(fabric, prefix, after)).toEqual(after);
      await fabric.allReachedOver(PREFIXES, 3);
    });
    expect(failed).toEqual([]);
  });
});

/** Waits until gobgpd has these paths: number of the node, AS_PATH, MED, communities; gives those that it has then. */
async function told(fabric: Fabric, prefix: string, wanted: readonly string[]): Promise<readonly string[]> {
  const words = async () => {
    const text = await fabric.router!.paths!(prefix).catch(String);
    return [...text.matchAll(PATH)]
      .map(([, node, path, med, communities]) => `${node} ${path.trim()} ${med} ${communities}`)
      .sort();
  };
  return waitFor(words, {
    what: `paths of ${prefix}; ${await fabric.router!.paths!(prefix).catch(String)}`,
    accept: (seen) => seen.join('\n') === wanted.join('\n'),
  });
}

/** A path as gobgp writes it. */
const PATH = /(?:10\.97\.|fd97:0:0:)(\d)\S*\s+((?:64512 ?)+).*?({Med: \d+}).*?{Communities: ([^}]*)}/g;

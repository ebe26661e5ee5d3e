/** The load of the scenario `services`: who changes endpoints, and the peer that hears what comes of it. */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { ServiceAdvertiser } from '../../src/advertiser/service-advertiser.ts';
import { serviceContext } from '../../src/advertiser/service-context.ts';
import { clusterView } from '../../src/resources/cluster-view.ts';
import type { AnyResource } from '../../src/resources/kinds.ts';
import { parseResource } from '../../src/resources/parse-resource.ts';
import { decodeUpdate } from '../../test/support/bgp/messages.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import type { Job, Measurement } from '../plan.ts';
import { neighboursOf } from '../plan.ts';
import { startApiServer } from '../services/api-server.ts';
import { NODE, contents, serviceAddress, slice } from '../services/cluster.ts';
import { startGobgpChanger } from '../services/gobgp-changer.ts';
import { establish } from './sessions.ts';

/** The port of the API server, at the peer's address. */
export const API_PORT = 8080;

const CHANGES_PER_SECOND = 500;
const SECONDS = 6;
/** Routes that are gone at a time, each for about a second. */
const GONE = 250;
/** From when all routes are there until the first change. */
const SETTLE_MS = 1500;
const START_TIMEOUT_MS = 60_000;
const LAST_PATIENCE_MS = 5000;

/** Makes routes come and go. */
export interface Changer {
  /** Sees to it that the route of a service, by its number, is announced or not. */
  change(index: number, up: boolean): void;
}

/** Who tells the daemon of changes; all routes are up at the beginning. */
async function startChanger(job: Job): Promise<Changer> {
  const { prefixes: count } = job.scenario;
  const [peer] = neighboursOf(job.scenario);
  if (job.part === 'gobgpd') return await startGobgpChanger(count);
  const api = await startApiServer({ host: peer.address, port: API_PORT }, contents(count, peer));
  process.stdout.write('listening\n');
  let revision = 1;
  return {
    change(index, up) {
      revision += 1;
      api.modified('/apis/discovery.k8s.io/v1/endpointslices', slice(index, up, revision));
    },
  };
}

/**
 * Prints `listening` once the API server is there, and `begin` and `end` around the changes,
 * for whoever looks at the daemon's CPU time meanwhile.
 */
export async function services(job: Job): Promise<Measurement> {
  if (job.part === 'computation') return computation(job);
  const { prefixes: count } = job.scenario;
  const [neighbour] = neighboursOf(job.scenario);
  const announced = new Set<string>();
  const awaited = new Map<string, { readonly up: boolean; readonly since: number }>();
  const delays: number[] = [];
  let completeAt = 0n;
  const hear = (prefix: string, up: boolean, at: number): void => {
    if (up) announced.add(prefix);
    else announced.delete(prefix);
    const change = awaited.get(prefix);
    if (change === undefined || change.up !== up) return;
    awaited.delete(prefix);
    delays.push(at - change.since);
  };
  const changer = await startChanger(job);
  await establish(neighbour, 5, undefined, false, (speaker) => {
    speaker.onUpdate = (buffer, start, end) => {
      const at = performance.now();
      const update = decodeUpdate(buffer.subarray(start, end));
      for (const prefix of update.withdrawn) hear(prefix, false, at);
      for (const prefix of update.announced) hear(prefix, true, at);
      if (completeAt === 0n && announced.size >= count) completeAt = process.hrtime.bigint();
    };
  });
  await waitFor(() => announced.size, {
    what: `${count} routes to services`,
    timeoutMs: START_TIMEOUT_MS,
    accept: (size) => size >= count,
  });
  await sleep(SETTLE_MS);
  process.stdout.write('begin\n');
  const begun = performance.now();
  await makeChanges(count, changer, awaited);
  const seconds = (performance.now() - begun) / 1000;
  await waitFor(() => awaited.size, {
    what: 'the last changes to be told',
    timeoutMs: LAST_PATIENCE_MS,
    accept: (size) => size === 0,
  });
  process.stdout.write('end\n');
  const sorted = delays.toSorted((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.floor(q * sorted.length)];
  return {
    wallSeconds: seconds,
    cpuSeconds: 0,
    establishedAt: completeAt.toString(),
    p50Milliseconds: quantile(0.5),
    p99Milliseconds: quantile(0.99),
    changes: String(sorted.length),
  };
}

/** One after the other, evenly spread over time: routes go and come back a while later, so that few are gone at a time. */
async function makeChanges(
  count: number,
  changer: Changer,
  awaited: Map<string, { readonly up: boolean; readonly since: number }>,
): Promise<void> {
  const begun = performance.now();
  let gone = 0;
  let back = 0;
  for (let number = 0; number < CHANGES_PER_SECOND * SECONDS; number++) {
    const wait = begun + (number * 1000) / CHANGES_PER_SECOND - performance.now();
    // A timer is late by up to a millisecond or two: changes come at the right rate, not at the right microsecond.
    await (wait > 0 ? sleep(Math.max(1, wait)) : turn());
    const up = gone - back === GONE;
    const index = (up ? back++ : gone++) % count;
    const key = `${serviceAddress(index)}/32`;
    if (awaited.has(key)) throw new Error(`the change of ${key} before was not told within a second`);
    awaited.set(key, { up, since: performance.now() });
    changer.change(index, up);
  }
}

/** Works all routes out in this process, for the first time, from resources that are there. */
function computation(job: Job): Measurement {
  const { prefixes: count } = job.scenario;
  const [neighbour] = neighboursOf(job.scenario);
  const resources = parsed(count, neighbour);
  const isService = ({ kind }: AnyResource): boolean => kind === 'Service' || kind === 'EndpointSlice';
  const view = clusterView(resources.filter((resource) => !isService(resource)));
  const own = resources.filter(isService);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const begun = performance.now();
  const advertiser = new ServiceAdvertiser();
  advertiser.setContext(serviceContext(view, { name: NODE }, 'mended'));
  const { set } = advertiser.replace(own);
  const wallSeconds = (performance.now() - begun) / 1000;
  if (set.length < count) throw new Error(`${set.length} routes to ${count} services`);
  globalThis.gc?.();
  return { wallSeconds, cpuSeconds: 0, heapBytes: process.memoryUsage().heapUsed - before };
}

const KINDS: Readonly<Record<string, readonly [apiVersion: string, kind: string]>> = {
  '/api/v1/nodes': ['v1', 'Node'],
  '/api/v1/services': ['v1', 'Service'],
  '/apis/discovery.k8s.io/v1/endpointslices': ['discovery.k8s.io/v1', 'EndpointSlice'],
};

function parsed(count: number, neighbour: Parameters<typeof contents>[1]): AnyResource[] {
  const resources: AnyResource[] = [];
  for (const [collection, manifests] of contents(count, neighbour)) {
    const [apiVersion, kind] = KINDS[collection] ?? [];
    for (const manifest of manifests) {
      const read = parseResource(kind === undefined ? manifest : { apiVersion, kind, ...manifest });
      if (read.ok) resources.push(read.resource);
    }
  }
  return resources;
}

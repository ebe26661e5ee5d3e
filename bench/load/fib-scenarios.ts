/** The load of the scenarios in which the daemon writes its routes to the kernel. */
import { setTimeout as sleep } from 'node:timers/promises';

import { listLinks, setLinkUp } from '../../src/fib/netlink/links.ts';
import { loadLibc } from '../../src/fib/netlink/libc.ts';
import { NetlinkClient } from '../../src/fib/netlink/netlink-client.ts';
import { NetlinkSocket } from '../../src/fib/netlink/netlink-socket.ts';
import { describeEnd } from '../../test/support/bgp/speaker.ts';
import type { Speaker } from '../../test/support/bgp/speaker.ts';
import { SECOND_LINK, SHORT_HOLD_TIME, neighboursOf } from '../plan.ts';
import type { Job, Measurement } from '../plan.ts';
import { KernelTable } from './kernel-table.ts';
import { externalStyle, settled, timed } from './measure.ts';
import { cpuSeconds } from './meter.ts';
import { encodeGroups, makeAttributeSets, makePrefixTable } from './routes.ts';
import { establish } from './sessions.ts';

function kernelOf({ pids = [] }: Job): KernelTable {
  return new KernelTable(pids[0]);
}

/** Routes of one peer, from the first byte written to the last route in the kernel. */
export async function fibInstall(job: Job): Promise<Measurement> {
  const { prefixes, sets } = job.scenario;
  const [feeder] = neighboursOf(job.scenario);
  const table = makePrefixTable(prefixes, sets, job.seed);
  const stream = encodeGroups(table, makeAttributeSets(sets, externalStyle(job, feeder)));
  const kernel = kernelOf(job);
  const from = await establish(feeder);
  await settled(job);
  return timed(job, async () => {
    await from.send(stream);
    await kernel.holds(table);
  });
}

/** The same beside sessions whose keepalive interval is a second. */
export async function fibFull(job: Job): Promise<Measurement> {
  const { prefixes, sets } = job.scenario;
  const [feeder, ...others] = neighboursOf(job.scenario);
  const table = makePrefixTable(prefixes, sets, job.seed);
  const stream = encodeGroups(table, makeAttributeSets(sets, externalStyle(job, feeder)));
  const kernel = kernelOf(job);
  const from = await establish(feeder);
  const idle = await Promise.all(others.map((other) => establish(other, 20, SHORT_HOLD_TIME)));
  const gaps = idle.map(watchGaps);
  const measured = await timed(job, async () => {
    await from.send(stream);
    await kernel.holds(table);
  });
  // The silence that is going on counts as well.
  await sleep(SHORT_HOLD_TIME * 1000);
  const lateMilliseconds = Math.max(0, ...gaps.map((gap) => gap() - (SHORT_HOLD_TIME * 1000) / 3));
  return { ...measured, lateMilliseconds };
}

/** The longest time without a message from now on, in milliseconds; asked for it after the session's end, throws. */
function watchGaps(speaker: Speaker): () => number {
  let last = performance.now();
  let longest = 0;
  let end: string | undefined;
  speaker.onMessage = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  void speaker.closed.then((why) => (end = describeEnd(why)));
  return () => {
    if (end !== undefined) throw new Error(`an idle session ended: ${end}`);
    return longest;
  };
}

const SAMPLES = 200;
const SWITCH_TIMEOUT_MS = 120_000;
/** How often what the kernel announces is taken in, so that it does not overrun the socket. */
const DRAIN_MS = 2;
const ASKED_PER_DRAIN = 32;

/** Two peers on two links with the same routes; the link of the second dies at the peer's end, or only its session. */
export async function fibFailover(job: Job): Promise<Measurement> {
  const { prefixes, sets } = job.scenario;
  const feeders = neighboursOf(job.scenario);
  const table = makePrefixTable(prefixes, sets, job.seed);
  const kernel = kernelOf(job);
  const speakers: Speaker[] = [];
  for (const feeder of feeders) {
    const from = await establish(feeder);
    speakers.push(from);
    await from.send(encodeGroups(table, makeAttributeSets(sets, externalStyle(job, feeder))));
  }
  await kernel.holds(table);
  await settled(job);
  const [stays, dies] = feeders.map(({ address }) => kernel.interfaceFor(addressNumber(address)));
  const affected = [...table.addresses].filter((address) => kernel.interfaceFor(address) === dies);
  if (affected.length < prefixes / 4)
    throw new Error(`the kernel sends only ${affected.length} prefixes to one next hop`);
  const { announced, drain } = kernel.watch();
  const cpu = cpuSeconds(job.pids ?? []);
  const began = performance.now();
  if (job.scenario.name === 'fib-failover') takeDown(SECOND_LINK);
  else speakers[1].close();
  let asked = 0;
  const switchedAt = whenAll(affected, (address) => {
    if (asked++ % ASKED_PER_DRAIN === 0) drain();
    return kernel.interfaceFor(address) === stays;
  });
  const timer = setInterval(drain, DRAIN_MS);
  await settled(job);
  clearInterval(timer);
  drain();
  const more = announced.overrun ? ' or more' : '';
  return {
    wallSeconds: (switchedAt - began) / 1000,
    cpuSeconds: cpuSeconds(job.pids ?? []) - cpu,
    // Routes may have changed before this process has read of the link.
    switchMilliseconds: Math.max(0, switchedAt - (announced.linkAt ?? began)),
    changes: `${announced.routes} routes${more}, ${announced.nextHops} next hops${more}`,
  };
}

/** When the last of the prefixes was as wanted. A sample gives the time; then all, in case others took longer. */
function whenAll(addresses: readonly number[], wanted: (address: number) => boolean): number {
  const sample = addresses.filter((_, i) => i % Math.ceil(addresses.length / SAMPLES) === 0).reverse();
  const deadline = performance.now() + SWITCH_TIMEOUT_MS;
  let at = performance.now();
  for (const address of [...sample, ...addresses]) {
    while (!wanted(address)) {
      at = performance.now();
      if (at > deadline) throw new Error(`packets still leave by the dead link after ${SWITCH_TIMEOUT_MS} ms`);
    }
  }
  return at;
}

/** Sets a link of this namespace down. */
function takeDown(name: string): void {
  const socket = new NetlinkSocket(loadLibc());
  const client = new NetlinkClient(socket);
  const link = listLinks(client).find((one) => one.name === name);
  if (link === undefined) throw new Error(`there is no ${name}`);
  setLinkUp(client, link.index, false);
  socket.close();
}

function addressNumber(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

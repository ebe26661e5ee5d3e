/** The daemon stops and starts again while packets go through its node: none is lost. */
import { renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningProcess } from '../support/processes.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { DAEMON_NEEDS, linkAddresses } from './daemon-fixture.ts';
import { RestartScene } from './restart-fixture.ts';

const NEEDS = { root: true, programs: [...DAEMON_NEEDS.programs, 'ping'] } as const;
const PEERS = [linkAddresses(1).theirs, linkAddresses(2).theirs];

let scene: RestartScene;
let daemon: RunningProcess;

beforeEach(async (ctx) => {
  requireOrSkip(ctx, NEEDS);
  scene = await RestartScene.start();
});
afterEach(async () => {
  if (missingHere(NEEDS) === undefined) await scene[Symbol.asyncDispose]();
});

/** Waits until the daemon has swept what nobody told it again. */
async function inSync(): Promise<void> {
  await scene.node.established(...PEERS);
  await waitFor(() => scene.node.log, {
    what: 'the end of the first sync',
    timeoutMs: 20_000,
    accept: (log) => log.includes('the kernel has all routes of the first sync'),
  });
}

/** Waits for that, and until the traffic went on for a while after it. */
async function settled(): Promise<void> {
  await inSync();
  await scene.converged();
  await scene.trafficFlows(1000);
}

/** Starts the daemon; what was lost when that is over. */
async function lossesOfStart(): Promise<string[]> {
  daemon = await scene.node.startDaemon();
  await settled();
  return scene.losses();
}

describe('packets through the node', () => {
  beforeEach(async () => {
    daemon = await scene.node.startDaemon();
    await scene.converged();
    await scene.startTraffic();
  });

  it.each<[string, NodeJS.Signals]>([
    ['SIGTERM', 'SIGTERM'],
    ['kill -9', 'SIGKILL'],
    ['a crash', 'SIGSEGV'],
  ])('all arrive while the daemon restarts after %s', async (_by, signal) => {
    daemon.signal(signal);
    await daemon.ended;
    await scene.trafficFlows(1000);
    expect(await lossesOfStart()).toEqual([]);
  });

  it('all arrive while the daemon restarts again as soon as it is in sync', async () => {
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
      daemon.signal(signal);
      await daemon.ended;
      daemon = await scene.node.startDaemon();
      // Not before: a router must not keep stale routes over a second restart (RFC 4724 section 4.2).
      await inSync();
    }
    await settled();
    expect(scene.losses()).toEqual([]);
  });

  it('all arrive while the daemon is replaced by another version', async () => {
    daemon.signal('SIGTERM');
    await daemon.ended;
    scene.upgrade();
    expect(await lossesOfStart()).toEqual([]);
  });

  it('all arrive while the datastore is away, even if the daemon restarts meanwhile', async () => {
    const { resources } = scene.node;
    renameSync(resources, `${resources}.away`);
    const failed = { what: 'the datastore to be away', accept: (state: string) => state === 'cached' };
    await waitFor(async () => (await scene.node.status()).datastore.state, failed);
    await scene.trafficFlows(1000);
    daemon.signal('SIGKILL');
    await daemon.ended;
    daemon = await scene.node.startDaemon(scene.node.configure(), 'failed');
    await scene.trafficFlows(1000);
    renameSync(`${resources}.away`, resources);
    await settled();
    expect(scene.losses()).toEqual([]);
  });
});

describe('packets through a node whose daemon is BIRD', () => {
  it('all arrive while Starling takes its place', async () => {
    const bird = await scene.startPredecessor();
    await scene.converged();
    await scene.startTraffic();
    bird.signal('SIGKILL');
    await bird.ended;
    expect(await lossesOfStart()).toEqual([]);
    expect(await scene.farRoutes()).not.toContain('metric 32');
  });
});

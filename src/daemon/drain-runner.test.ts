import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createScratch } from '../../test/support/scratch.ts';
import type { Scratch } from '../../test/support/scratch.ts';
import type { DrainStage } from '../advertiser/drain.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import type { DrainSettings } from './drain-facts.ts';
import { drainFilePath } from './drain-file.ts';
import { DrainRunner } from './drain-runner.ts';
import { EventLog } from './event-log.ts';

const SETTINGS: DrainSettings = {
  onCordon: true,
  onOutOfService: true,
  onNetworkUnavailable: true,
  onStop: 'nodeStops',
  wait: 10,
  servicesWait: 5,
};

const OUT_OF_SERVICE = { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] };

function nodeView(spec: object = {}, conditions: object[] = []): ClusterView {
  const parsed = parseResource({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec,
    status: { conditions },
  });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return clusterView([parsed.resource]);
}

let scratch: Scratch;
let runners: World[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  scratch = createScratch('drain');
});

afterEach(() => {
  for (const { runner } of runners) runner.stop();
  runners = [];
  vi.useRealTimers();
  scratch[Symbol.dispose]();
});

/** A runner with what is around it, which notes what is asked of it. */
class World {
  settings = SETTINGS;
  told = true;
  /** Resolves when what is asked for is in force. */
  applied: Promise<void> = Promise.resolve();
  systemStops = false;
  /** What was in force, one after the other. */
  readonly stages: string[] = [];
  readonly withheld: boolean[] = [];
  shutDowns = 0;
  readonly events = new EventLog(Date.now);
  readonly runner: DrainRunner;
  private readonly began = performance.now();

  constructor(options: { restarting?: boolean; file?: string | undefined } = {}) {
    this.runner = new DrainRunner({
      node: 'n1',
      events: this.events,
      now: Date.now,
      settings: () => this.settings,
      file: 'file' in options ? options.file : drainFilePath(scratch.path, 'n1'),
      restarting: () => options.restarting ?? false,
      withholdServices: (withhold) => this.withheld.push(withhold),
      apply: async () => {
        this.stages.push(`${Math.round((performance.now() - this.began) / 1000)} s ${this.stage}`);
        await this.applied;
      },
      isTold: () => this.told,
      shutDown: () => this.shutDowns++,
      isSystemStopping: async () => this.systemStops,
    });
    runners.push(this);
  }

  get stage(): DrainStage {
    return this.runner.report.stage;
  }

  get words(): string[] {
    return this.events.after(0).map(({ words }) => words);
  }

  start(view = nodeView()): this {
    this.runner.take(view);
    return this;
  }

  async pass(seconds: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(seconds * 1000);
  }
}

const COMMAND = { forGood: false };

describe('DrainRunner', () => {
  it('takes the node out of the network stage by stage, and says so', async () => {
    const world = new World().start();
    world.runner.drain({ ...COMMAND, message: 'new kernel' });
    await world.pass(60);
    expect(world.stages).toEqual(['0 s graceful-shutdown', '10 s services-withdrawn', '15 s withdrawn']);
    expect(world.withheld).toEqual([false, false, true, true]);
    expect(world.runner.effects).toEqual({ gracefulShutdown: true, withholdServices: true, withholdPods: true });
    expect(world.words).toEqual([
      'drain: asked for with `starling drain`: "new kernel"',
      'drain: every route is told with GRACEFUL_SHUTDOWN (RFC 8326), because `starling drain` said so ("new kernel")',
      'drain: services are withdrawn, pods are told with GRACEFUL_SHUTDOWN, because `starling drain` said so ("new kernel")',
      'drain: services and pods are withdrawn, because `starling drain` said so ("new kernel")',
    ]);
    expect(world.shutDowns).toBe(0);
  });

  it('says how far it is and when it goes on', async () => {
    const world = new World().start();
    expect(world.runner.report).toMatchObject({
      stage: 'serving',
      nextStageAt: null,
      words: 'The node serves: nothing asks for a drain.',
    });
    world.runner.drain({ ...COMMAND, waitSeconds: 30 });
    await world.pass(12);
    expect(world.runner.report).toMatchObject({
      stage: 'graceful-shutdown',
      target: 'withdrawn',
      since: { agoSeconds: 12 },
      nextStageAt: { epochSeconds: expect.closeTo(Date.now() / 1000 + 18, 1) },
      causes: ['`starling drain` said so'],
      words:
        'Draining because `starling drain` said so: every route is told with GRACEFUL_SHUTDOWN (RFC 8326); in 18 s, services are withdrawn.',
    });
    await world.pass(60);
    expect(world.runner.report).toMatchObject({
      stage: 'withdrawn',
      nextStageAt: null,
      words: 'Drained because `starling drain` said so: services and pods are withdrawn.',
    });
  });

  it('waits for peers that have yet to be told', async () => {
    const world = new World().start();
    world.told = false;
    world.runner.drain(COMMAND);
    await world.pass(4);
    expect(world.runner.report.words).toContain('when the peers were told that, services are withdrawn');
    world.told = true;
    await world.pass(9);
    expect(world.stage).toBe('graceful-shutdown');
    await world.pass(2);
    expect(world.stage).toBe('services-withdrawn');
  });

  it('takes nobody for told of what is not in force yet', async () => {
    const world = new World().start();
    world.applied = new Promise((resolve) => void setTimeout(resolve, 3000));
    world.runner.drain(COMMAND);
    await world.pass(12);
    expect(world.stage).toBe('graceful-shutdown');
    await world.pass(2);
    expect(world.stages).toEqual(['0 s graceful-shutdown', '13 s services-withdrawn']);
  });

  it('comes back in reverse, and takes GRACEFUL_SHUTDOWN off only when all was told', async () => {
    const world = new World().start();
    world.runner.drain(COMMAND);
    await world.pass(60);
    world.told = false;
    expect(world.runner.undrain().words).toBe('The node comes back: pods first, then services.');
    await world.pass(1);
    const { stage, target, words } = world.runner.report;
    expect([stage, target]).toEqual(['services-withdrawn', 'serving']);
    expect(words).toMatch(/^Coming back: services are withdrawn, .*, services are told again\.$/);
    world.told = true;
    await world.pass(1);
    expect(world.stages.slice(3)).toEqual(['60 s services-withdrawn', '61 s graceful-shutdown', '61 s serving']);
    expect(world.withheld.slice(4)).toEqual([true, false, false]);
    expect(world.runner.undrain().words).toBe('The node is not drained.');
  });

  it.each([
    ['cordoned', nodeView({ unschedulable: true }), 'services-withdrawn', 'the node is cordoned'],
    [
      'out of service',
      nodeView(OUT_OF_SERVICE),
      'withdrawn',
      'the node has the taint node.kubernetes.io/out-of-service',
    ],
    [
      'without network',
      nodeView({}, [{ type: 'NetworkUnavailable', status: 'True' }]),
      'services-withdrawn',
      'the node has the condition NetworkUnavailable',
    ],
  ])('drains a node that is %s, as long as it is', async (_name, view, stage, why) => {
    const world = new World().start();
    world.runner.take(view);
    await world.pass(60);
    expect(world.runner.report).toMatchObject({ stage, causes: [why] });
    expect(world.runner.undrain().words).toBe(
      `No command drains the node any more, but it stays drained because ${why}.`,
    );
    // Resources that know the node no more say nothing of it.
    world.runner.take(clusterView([]));
    await world.pass(60);
    expect(world.stage).toBe(stage);
    world.runner.take(nodeView());
    await world.pass(1);
    expect(world.stage).toBe('serving');
  });

  it('leaves out what the configuration does not want', async () => {
    const world = new World().start();
    world.settings = { ...SETTINGS, onCordon: false, onOutOfService: false, onNetworkUnavailable: false };
    world.runner.take(
      nodeView({ unschedulable: true, ...OUT_OF_SERVICE }, [{ type: 'NetworkUnavailable', status: 'True' }]),
    );
    await world.pass(60);
    expect(world.stages).toEqual([]);
    world.settings = SETTINGS;
    world.runner.step();
    await world.pass(60);
    expect(world.stage).toBe('withdrawn');
  });

  it('stops for good at the end where that was asked for', async () => {
    const world = new World().start();
    expect(world.runner.drain({ forGood: true }).words).toContain('then the daemon stops for good');
    await world.pass(14);
    expect(world.shutDowns).toBe(0);
    await world.pass(2);
    expect(world.shutDowns).toBe(1);
    await world.pass(60);
    world.runner.step();
    expect(world.shutDowns).toBe(1);
  });

  it('does not stop for good after it was taken back', async () => {
    const world = new World().start();
    world.runner.drain({ forGood: true });
    await world.pass(5);
    world.runner.undrain();
    await world.pass(60);
    expect([world.stage, world.shutDowns]).toEqual(['serving', 0]);
  });
});

describe('DrainRunner over a restart', () => {
  it.each([true, false])('stays drained by command; routes are there from before: %s', async (restarting) => {
    const before = new World().start();
    const { words } = before.runner.drain({ ...COMMAND, message: 'new kernel' });
    expect(words).toBe('The drain begins. It lasts until `starling undrain`, also over a restart.');
    await before.pass(60);
    before.runner.stop();
    const after = new World({ restarting }).start();
    expect(after.runner.effects).toEqual({ gracefulShutdown: true, withholdServices: true, withholdPods: true });
    expect(after.withheld).toEqual([true]);
    expect(after.words[0]).toContain(
      'services and pods are withdrawn, because `starling drain` said so ("new kernel")',
    );
    after.runner.undrain();
    await after.pass(1);
    expect(after.stage).toBe('serving');
    expect(existsSync(drainFilePath(scratch.path, 'n1')!)).toBe(false);
  });

  it('goes by the latest command, also by one that came before any resources', async () => {
    const before = new World().start();
    before.runner.drain({ ...COMMAND, message: 'new kernel', waitSeconds: 1 });
    before.runner.stop();
    const after = new World({ restarting: true });
    after.runner.drain({ ...COMMAND, message: 'new disk', waitSeconds: 20 });
    after.start();
    expect(after.runner.report.causes).toEqual(['`starling drain` said so ("new disk")']);
    await after.pass(19);
    expect(after.stage).toBe('graceful-shutdown');
  });

  it('is taken back also before there are any resources', async () => {
    const before = new World().start();
    before.runner.drain(COMMAND);
    await before.pass(60);
    before.runner.stop();
    const after = new World();
    expect(after.runner.undrain().words).toBe('The node comes back: pods first, then services.');
    after.start();
    await after.pass(1);
    expect(after.stage).toBe('serving');
    expect(existsSync(drainFilePath(scratch.path, 'n1')!)).toBe(false);
  });

  it('goes on where peers stand that still have its routes', async () => {
    const before = new World().start();
    before.runner.drain({ ...COMMAND, waitSeconds: 20 });
    await before.pass(5);
    before.runner.stop();
    const after = new World({ restarting: true }).start();
    expect(after.stage).toBe('graceful-shutdown');
    await after.pass(60);
    expect(after.stages).toEqual(['20 s services-withdrawn', '25 s withdrawn']);
  });

  it('does not begin to serve where the machine came up anew', () => {
    expect(new World().start(nodeView(OUT_OF_SERVICE)).stage).toBe('withdrawn');
    expect(new World().start(nodeView({ unschedulable: true })).stage).toBe('services-withdrawn');
  });

  it('takes a cordon that came while it was away in order', async () => {
    const world = new World({ restarting: true }).start(nodeView({ unschedulable: true }));
    await world.pass(60);
    expect(world.stages).toEqual(['0 s graceful-shutdown', '10 s services-withdrawn']);
  });

  it('says so where nothing can be remembered', () => {
    expect(new World({ file: undefined }).start().runner.drain(COMMAND).words).toContain('which would not know of it');
    const world = new World({ file: join(scratch.write('file', ''), 'drain.json') }).start();
    expect(world.runner.drain(COMMAND).words).toContain('which would not know of it');
    expect(world.words.some((words) => words.includes("can't be written"))).toBe(true);
  });

  it('serves, and says so, where the file is of no use', () => {
    const file = scratch.write('drain-n1.json', '{"stage":"nowhere"}');
    const world = new World({ restarting: true }).start();
    expect(world.stage).toBe('serving');
    expect(world.words).toEqual([
      `drain: ${file} does not hold the state of a drain; nothing is remembered of an earlier run`,
    ]);
  });

  it('writes nothing while the node serves', () => {
    const world = new World().start();
    expect(existsSync(drainFilePath(scratch.path, 'n1')!)).toBe(false);
    world.runner.drain(COMMAND);
    expect(readFileSync(drainFilePath(scratch.path, 'n1')!, 'utf8')).toContain('graceful-shutdown');
  });
});

describe('DrainRunner before a stop', () => {
  it('leaves a restart to be one', async () => {
    const world = new World().start(nodeView({ unschedulable: true }));
    expect(await world.runner.beforeStop()).toBe(false);
    expect(world.stages).toEqual([]);
  });

  it.each<[string, DrainSettings['onStop'], ClusterView, boolean]>([
    ['the system goes down', 'nodeStops', nodeView(), true],
    ['the node is out of service', 'nodeStops', nodeView(OUT_OF_SERVICE), false],
    [
      'kubelet says so',
      'nodeStops',
      nodeView({}, [{ type: 'Ready', status: 'False', message: 'container runtime is down, node is shutting down' }]),
      false,
    ],
    [
      'an autoscaler removes the node',
      'nodeStops',
      nodeView({ taints: [{ key: 'ToBeDeletedByClusterAutoscaler' }] }),
      false,
    ],
    ['the node is cordoned', 'cordoned', nodeView({ unschedulable: true }), false],
    ['it is to', 'always', nodeView(), false],
  ])('withdraws everything in order where %s', async (_name, onStop, view, systemStops) => {
    const world = new World({ restarting: true });
    world.settings = { ...SETTINGS, onStop, onCordon: false, onOutOfService: false };
    world.systemStops = systemStops;
    world.start(view);
    const done = world.runner.beforeStop();
    await world.pass(10);
    expect(await done).toBe(true);
    expect(world.stages).toEqual(['0 s graceful-shutdown', '2 s services-withdrawn', '4 s withdrawn']);
    expect(world.words[0]).toMatch(/^drain: this stop is no restart, because /);
  });

  it('does not ask at all where that is not wanted', async () => {
    const world = new World({ restarting: true });
    world.settings = { ...SETTINGS, onStop: 'never', onOutOfService: false };
    world.systemStops = true;
    expect(await world.start(nodeView(OUT_OF_SERVICE)).runner.beforeStop()).toBe(false);
  });

  it('waits a moment only for peers that take nothing, and not at all for whoever asks twice', async () => {
    const world = new World();
    world.settings = { ...SETTINGS, onStop: 'always' };
    world.start();
    world.told = false;
    const done = world.runner.beforeStop();
    await world.pass(0.1);
    expect(await world.runner.beforeStop()).toBe(true);
    await world.pass(11);
    expect(await done).toBe(true);
    expect(world.stages).toEqual(['0 s graceful-shutdown', '4 s services-withdrawn', '8 s withdrawn']);
  });
});

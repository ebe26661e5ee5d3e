import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DrainWorlds, OUT_OF_SERVICE, nodeView } from '../../test/support/drain-world.ts';

let worlds: DrainWorlds;

beforeEach(() => {
  worlds = new DrainWorlds();
});

afterEach(() => worlds[Symbol.dispose]());

const COMMAND = { forGood: false };

describe('DrainRunner over a restart', () => {
  it.each([true, false])('stays drained by command; routes are there from before: %s', async (restarting) => {
    const before = worlds.make().start();
    const { words } = before.runner.drain({ ...COMMAND, message: 'new kernel' });
    expect(words).toBe('The drain begins. It lasts until `starling undrain`, also over a restart.');
    await before.pass(60);
    before.runner.stop();
    const after = worlds.make({ restarting }).start();
    expect(after.runner.effects).toEqual({ gracefulShutdown: true, withholdServices: true, withholdPods: true });
    expect(after.withheld).toEqual([true]);
    expect(after.words[0]).toContain(
      'services and pods are withdrawn, because `starling drain` said so ("new kernel")',
    );
    after.runner.undrain();
    await after.pass(1);
    expect(after.stage).toBe('serving');
    expect(existsSync(worlds.file)).toBe(false);
  });

  it('goes by the latest command, also by one that came before any resources', async () => {
    const before = worlds.make().start();
    before.runner.drain({ ...COMMAND, message: 'new kernel', waitSeconds: 1 });
    before.runner.stop();
    const after = worlds.make({ restarting: true });
    after.runner.drain({ ...COMMAND, message: 'new disk', waitSeconds: 20 });
    after.start();
    expect(after.runner.report.causes).toEqual(['`starling drain` said so ("new disk")']);
    await after.pass(19);
    expect(after.stage).toBe('graceful-shutdown');
  });

  it('is taken back also before there are any resources', async () => {
    const before = worlds.make().start();
    before.runner.drain(COMMAND);
    await before.pass(60);
    before.runner.stop();
    const after = worlds.make();
    expect(after.runner.undrain().words).toBe('The node comes back: pods first, then services.');
    after.start();
    await after.pass(1);
    expect(after.stage).toBe('serving');
    expect(existsSync(worlds.file)).toBe(false);
  });

  it('goes on where peers stand that still have its routes', async () => {
    const before = worlds.make().start();
    before.runner.drain({ ...COMMAND, waitSeconds: 20 });
    await before.pass(5);
    before.runner.stop();
    const after = worlds.make({ restarting: true }).start();
    expect(after.stage).toBe('graceful-shutdown');
    await after.pass(60);
    expect(after.stages).toEqual(['20 s services-withdrawn', '25 s withdrawn']);
  });

  it('does not begin to serve where the machine came up anew', () => {
    expect(worlds.make().start(nodeView(OUT_OF_SERVICE)).stage).toBe('withdrawn');
    expect(worlds.make().start(nodeView({ unschedulable: true })).stage).toBe('services-withdrawn');
  });

  it('takes a cordon that came while it was away in order', async () => {
    const world = worlds.make({ restarting: true }).start(nodeView({ unschedulable: true }));
    await world.pass(60);
    expect(world.stages).toEqual(['0 s graceful-shutdown', '10 s services-withdrawn']);
  });

  it('says so where nothing can be remembered', () => {
    expect(worlds.make({ file: undefined }).start().runner.drain(COMMAND).words).toContain(
      'which would not know of it',
    );
    const world = worlds.make({ file: join(worlds.scratch.write('file', ''), 'drain.json') }).start();
    expect(world.runner.drain(COMMAND).words).toContain('which would not know of it');
    expect(world.words.some((words) => words.includes("can't be written"))).toBe(true);
  });

  it('serves, and says so, where the file is of no use', () => {
    const file = worlds.scratch.write('drain-n1.json', '{"stage":"nowhere"}');
    const world = worlds.make({ restarting: true }).start();
    expect(world.stage).toBe('serving');
    expect(world.words).toEqual([
      `drain: ${file} does not hold the state of a drain; nothing is remembered of an earlier run`,
    ]);
  });

  it('writes nothing while the node serves', () => {
    const world = worlds.make().start();
    expect(existsSync(worlds.file)).toBe(false);
    world.runner.drain(COMMAND);
    expect(readFileSync(worlds.file, 'utf8')).toContain('graceful-shutdown');
  });
});

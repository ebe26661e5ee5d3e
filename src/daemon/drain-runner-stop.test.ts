import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DRAIN_SETTINGS, DrainWorlds, OUT_OF_SERVICE, nodeView } from '../../test/support/drain-world.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { DrainSettings } from './drain-facts.ts';

let worlds: DrainWorlds;

beforeEach(() => {
  worlds = new DrainWorlds();
});

afterEach(() => worlds[Symbol.dispose]());

describe('DrainRunner before a stop', () => {
  it('leaves a restart to be one', async () => {
    const world = worlds.make().start(nodeView({ unschedulable: true }));
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
    const world = worlds.make({ restarting: true });
    world.settings = { ...DRAIN_SETTINGS, onStop, onCordon: false, onOutOfService: false };
    world.systemStops = systemStops;
    world.start(view);
    const done = world.runner.beforeStop();
    await world.pass(10);
    expect(await done).toBe(true);
    expect(world.stages).toEqual(['0 s graceful-shutdown', '2 s services-withdrawn', '4 s withdrawn']);
    expect(world.words[0]).toMatch(/^drain: this stop is no restart, because /);
  });

  it('does not ask at all where that is not wanted', async () => {
    const world = worlds.make({ restarting: true });
    world.settings = { ...DRAIN_SETTINGS, onStop: 'never', onOutOfService: false };
    world.systemStops = true;
    expect(await world.start(nodeView(OUT_OF_SERVICE)).runner.beforeStop()).toBe(false);
  });

  it('waits a moment only for peers that take nothing, and not at all for whoever asks twice', async () => {
    const world = worlds.make();
    world.settings = { ...DRAIN_SETTINGS, onStop: 'always' };
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

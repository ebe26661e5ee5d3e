import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DRAIN_SETTINGS, DrainWorlds, OUT_OF_SERVICE, nodeView } from '../../test/support/drain-world.ts';
import { clusterView } from '../resources/cluster-view.ts';

let worlds: DrainWorlds;

beforeEach(() => {
  worlds = new DrainWorlds();
});

afterEach(() => worlds[Symbol.dispose]());

const COMMAND = { forGood: false };

describe('DrainRunner', () => {
  it('takes the node out of the network stage by stage, and says so', async () => {
    const world = worlds.make().start();
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
    const world = worlds.make().start();
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
    const world = worlds.make().start();
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
    const world = worlds.make().start();
    world.applied = new Promise((resolve) => void setTimeout(resolve, 3000));
    world.runner.drain(COMMAND);
    await world.pass(12);
    expect(world.stage).toBe('graceful-shutdown');
    await world.pass(2);
    expect(world.stages).toEqual(['0 s graceful-shutdown', '13 s services-withdrawn']);
  });

  it('comes back in reverse, and takes GRACEFUL_SHUTDOWN off only when all was told', async () => {
    const world = worlds.make().start();
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
    const world = worlds.make().start();
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
    const world = worlds.make().start();
    world.settings = { ...DRAIN_SETTINGS, onCordon: false, onOutOfService: false, onNetworkUnavailable: false };
    world.runner.take(
      nodeView({ unschedulable: true, ...OUT_OF_SERVICE }, [{ type: 'NetworkUnavailable', status: 'True' }]),
    );
    await world.pass(60);
    expect(world.stages).toEqual([]);
    world.settings = DRAIN_SETTINGS;
    world.runner.step();
    await world.pass(60);
    expect(world.stage).toBe('withdrawn');
  });

  it('stops for good at the end where that was asked for', async () => {
    const world = worlds.make().start();
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
    const world = worlds.make().start();
    world.runner.drain({ forGood: true });
    await world.pass(5);
    world.runner.undrain();
    await world.pass(60);
    expect([world.stage, world.shutDowns]).toEqual(['serving', 0]);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliWorld } from '../../../test/support/cli-world.ts';
import { FakeDaemonView } from '../../../test/support/fake-daemon-view.ts';

let world: CliWorld;

beforeEach(async () => {
  world = await CliWorld.start(new FakeDaemonView());
});

afterEach(() => world[Symbol.asyncDispose]());

describe('starling shutdown', () => {
  it('stops the daemon', async () => {
    await world.output('shutdown');
    await world.output('shutdown', '--for-good');
    expect(world.daemon.actions).toEqual([
      ['shutdown', false],
      ['shutdown', true],
    ]);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CliWorld } from '../../../test/support/cli-world.ts';
import { FakeDaemonView, event } from '../../../test/support/fake-daemon-view.ts';

let world: CliWorld;

beforeEach(async () => {
  world = await CliWorld.start(new FakeDaemonView());
});

afterEach(() => world[Symbol.asyncDispose]());

describe('starling events', () => {
  it('lists events', async () => {
    const out = await world.output('events');
    expect(out).toMatch(/^2026-01-02T03:04:06\.000Z {2}session +10\.0\.0\.254 +event 1\n/);
    expect(JSON.parse(await world.output('events', '-o', 'json'))).toEqual({ events: [event(1), event(2)] });
  });

  it('follows events until Ctrl-C', async () => {
    const abort = new AbortController();
    const onWrite = (out: string): void => {
      if (out.includes('event 3')) abort.abort();
    };
    const following = world.run(['events', '--follow', '-o', 'json'], { onWrite, signal: abort.signal });
    await vi.waitUntil(() => world.daemon.listeners.size === 1);
    world.daemon.emit(event(3));
    const { code, out } = await following;
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([event(1), event(2), event(3)]);
    expect(code).toBe(0);
  });

  it('says so when the daemon goes away while following', async () => {
    const following = world.starling('events', '--follow');
    await vi.waitUntil(() => world.daemon.listeners.size === 1);
    await world.server.close();
    expect(await following).toMatchObject({ code: 1, err: expect.stringContaining(world.socket) });
  });
});

import { describe, expect, it } from 'vitest';
import { establishPair, makePair } from '../../../test/support/session-peers.ts';
import type { Side } from '../../../test/support/session-peers.ts';
import { waitFor } from '../../../test/support/wait-for.ts';

/** Has the listener of a side follow the key of its session, as the daemon does. */
function follow(side: Side, other: Side): void {
  side.recorder.keyChanged = () => {
    const { key } = side.session;
    side.listener.setPeer(other.session.config.localAddress!, key === undefined ? {} : { password: key });
  };
}

/** Waits until each side has heard more from the other: a keepalive in both directions. */
async function heard(sides: readonly Side[]): Promise<void> {
  const before = sides.map(({ session }) => session.statistics.received.keepalive);
  await waitFor(() => sides.map(({ session }) => session.statistics.received.keepalive), {
    what: 'keepalives both ways',
    timeoutMs: 20_000,
    accept: (now) => now.every((count, side) => count > before[side]),
  });
}

function flaps(sides: readonly Side[]): number[] {
  return sides.map(({ session }) => session.statistics.flaps);
}

describe.concurrent('TCP MD5 keys of a live session', { timeout: 40_000 }, () => {
  it('are changed on one side after the other, without a reset', async () => {
    const sides = await establishPair({ password: 'old', holdTime: 9 }, { password: 'old', holdTime: 9 });
    await using a = sides[0];
    await using b = sides[1];
    a.session.changeKeys(['new']);
    // One that the other side drops.
    const sent = a.session.statistics.sent.keepalive;
    await waitFor(() => a.session.statistics.sent.keepalive > sent, { what: 'a keepalive', timeoutMs: 10_000 });
    b.session.changeKeys(['new']);
    await heard([a, b]);
    expect([a.session.key, b.session.key, ...flaps([a, b])]).toEqual(['new', 'new', 0, 0]);
  });

  it('may be two: the one that the peer changed to is found before the hold time ends', async () => {
    const sides = await establishPair({ password: 'old', holdTime: 9 }, { password: 'old', holdTime: 9 });
    await using a = sides[0];
    await using b = sides[1];
    b.session.changeKeys(['old', 'new']);
    expect(b.session.key).toBe('old');
    a.session.changeKeys(['new']);
    await waitFor(() => b.session.key, { what: 'the other key', timeoutMs: 10_000, accept: (key) => key === 'new' });
    await heard([a, b]);
    expect([b.session.key, ...flaps([a, b])]).toEqual(['new', 0, 0]);
    b.session.changeKeys(['new']);
    await heard([a, b]);
    expect(flaps([a, b])).toEqual([0, 0]);
  });

  it.each([
    ['the one that connects', false],
    ['the one that is connected to', true],
  ])('may be two for %s: the session comes up with the one that the peer has', async (_who, passive) => {
    const sides = await makePair(
      { password: 'old', nextPassword: 'new', passive },
      { password: 'new', passive: !passive },
    );
    await using a = sides[0];
    await using b = sides[1];
    follow(a, b);
    for (const side of [a, b]) side.session.start();
    await waitFor(() => [a.session.state, b.session.state], {
      what: 'the session',
      timeoutMs: 30_000,
      accept: (states) => states.every((state) => state === 'Established'),
    });
    expect(a.session.key).toBe('new');
  });

  it('can be taken away and given', async () => {
    const sides = await establishPair({ password: 'old', holdTime: 9 }, { password: 'old', holdTime: 9 });
    await using a = sides[0];
    await using b = sides[1];
    for (const { session } of [a, b]) session.changeKeys([]);
    await heard([a, b]);
    for (const { session } of [a, b]) session.changeKeys(['again']);
    await heard([a, b]);
    expect(flaps([a, b])).toEqual([0, 0]);
  });
});

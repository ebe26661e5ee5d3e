import { describe, expect, it } from 'vitest';
import { US, gracefulOpen } from '../../../test/support/fsm-machine.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import type { DownReason } from './effect.ts';
import { NO_GRACE, STALE_PATH_TIME, stepGrace } from './graceful-restart.ts';
import type { Grace, GraceEffect, GraceInput } from './graceful-restart.ts';
import { localOpen } from './local-open.ts';
import type { RestartTerms } from './local-open.ts';
import { negotiate } from './negotiate.ts';
import type { Negotiated } from './negotiate.ts';

const BOTH = [IPV4_UNICAST, IPV6_UNICAST];
const TERMS: RestartTerms = { restartTime: 60, restarting: false, forwarding: true };
const LOST: DownReason = { kind: 'connection-lost', words: 'the peer closed the connection' };

/** A session with a peer that speaks `families`, and has graceful restart unless `terms` is null. */
function session(terms: RestartTerms | null = TERMS, families: readonly Family[] = BOTH): Negotiated {
  const local = localOpen({ ...US, gracefulRestart: TERMS });
  const theirs = { localAs: 65002, routerId: 2, holdTime: 90, families };
  const remote = localOpen(terms === null ? theirs : { ...theirs, gracefulRestart: terms });
  return negotiate(local, remote, {
    open: local,
    peerAs: 65002,
    families: BOTH,
    keepaliveTime: undefined,
    connectRetryTime: 60,
    sendHoldTime: undefined,
    passive: false,
  });
}

/** A helper of one peer. */
class Helper {
  grace: Grace = NO_GRACE;
  effects: readonly GraceEffect[] = [];

  give(input: GraceInput): this {
    ({ grace: this.grace, effects: this.effects } = stepGrace(this.grace, input));
    return this;
  }

  /** The effects in short, e.g. `mark 0`. */
  get words(): string[] {
    return this.effects.map((effect) => [effect.type, ...Object.values(effect).slice(1)].join(' '));
  }
}

function down(reason = LOST, negotiated = session()): GraceInput {
  return { type: 'down', reason, negotiated };
}

describe('a session that ends', () => {
  it('leaves the routes of a peer that restarts, for as long as the peer said', () => {
    const helper = new Helper().give(down());
    expect(helper.words).toEqual(['mark 0', 'mark 1', 'arm 60000']);
    expect(helper.give({ type: 'timer' }).words).toEqual(['sweep 0', 'sweep 1', 'cancel']);
    expect(helper.grace).toBe(NO_GRACE);
  });

  it('leaves them too where the peer connects again before its end was noticed', () => {
    expect(new Helper().give(down({ kind: 'replaced', words: '' })).words).toEqual(['mark 0', 'mark 1', 'arm 60000']);
  });

  it.each([
    'notification-received',
    'hold-timer-expired',
    'send-hold-timer-expired',
    'protocol-error',
    'stopped',
  ] as const)('takes them away at once for "%s"', (kind) => {
    const helper = new Helper().give(down({ kind, words: '' }));
    expect(helper.words).toEqual(['flush 0', 'flush 1', 'cancel']);
  });

  it('takes them away at once where the peer has not said that it restarts gracefully', () => {
    const helperOnly = { ...session(), gracefulRestart: { ...session().gracefulRestart!, families: [] } };
    for (const negotiated of [session(null), helperOnly, session({ ...TERMS, restartTime: 0 })]) {
      expect(new Helper().give(down(LOST, negotiated)).words).toEqual(['flush 0', 'flush 1', 'cancel']);
    }
  });
});

describe('a peer that is back', () => {
  it('has until End-of-RIB of each family to send its routes again', () => {
    const helper = new Helper().give(down()).give({ type: 'established', negotiated: session() });
    expect(helper.words).toEqual([`arm ${STALE_PATH_TIME * 1000}`]);
    expect(helper.give({ type: 'end-of-rib', family: 1 }).words).toEqual(['sweep 1']);
    expect(helper.give({ type: 'end-of-rib', family: 1 }).words).toEqual([]);
    expect(helper.give({ type: 'end-of-rib', family: 0 }).words).toEqual(['sweep 0', 'cancel']);
  });

  it('has no more than the time there is for it', () => {
    const helper = new Helper().give(down()).give({ type: 'established', negotiated: session() });
    expect(helper.give({ type: 'timer' }).words).toEqual(['sweep 0', 'sweep 1', 'cancel']);
  });

  it.each<[string, Negotiated]>([
    ['could not keep forwarding', session({ ...TERMS, forwarding: false })],
    ['no longer has graceful restart', session(null)],
  ])('loses its stale routes at once where it %s', (_, negotiated) => {
    const helper = new Helper().give(down()).give({ type: 'established', negotiated });
    expect(helper.words).toEqual(['sweep 0', 'sweep 1', 'cancel']);
  });

  it('loses those of a family that it no longer speaks', () => {
    const helper = new Helper().give(down()).give({ type: 'established', negotiated: session(TERMS, [0]) });
    expect(helper.words).toEqual(['sweep 1', `arm ${STALE_PATH_TIME * 1000}`]);
  });

  it('may restart again', () => {
    const helper = new Helper().give(down()).give({ type: 'established', negotiated: session() });
    helper.give({ type: 'end-of-rib', family: 0 }).give(down());
    expect(helper.words).toEqual(['mark 0', 'mark 1', 'arm 60000']);
    expect(helper.grace).toEqual({ families: [0, 1], awaits: 'session' });
  });

  it('has nothing to lose in its first session, nor at its End-of-RIB', () => {
    const helper = new Helper().give({ type: 'established', negotiated: session({ ...TERMS, forwarding: false }) });
    expect(helper.words).toEqual(['cancel']);
    expect(helper.give({ type: 'end-of-rib', family: 0 }).words).toEqual([]);
  });
});

describe('a peer that is no longer wanted', () => {
  it('loses everything, whatever it was waited for', () => {
    for (const inputs of [[down()], [down(), { type: 'established', negotiated: session() } as const]]) {
      const helper = new Helper();
      for (const input of inputs) helper.give(input);
      expect(helper.give({ type: 'forget' }).words).toEqual(['sweep 0', 'sweep 1', 'cancel']);
    }
  });
});

describe('the capability', () => {
  it('says what this side announces', () => {
    const [capability] = gracefulOpen(5000).capabilities.slice(-1);
    expect(capability).toEqual({
      name: 'graceful-restart',
      restarting: false,
      notification: false,
      restartTime: 5000,
      families: [{ afi: 1, safi: 1, forwarding: true }],
    });
  });
});

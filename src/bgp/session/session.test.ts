import { describe, expect, it } from 'vitest';
import { establishPair, testEnvironment } from '../../../test/support/session-peers.ts';
import { updateBody } from '../../../test/support/wire.ts';
import { waitFor } from '../../../test/support/wait-for.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../net/family.ts';
import { BgpError } from '../messages/error.ts';
import { MESSAGE_UPDATE, encodeMessage } from '../messages/framing.ts';
import { encodeRouteRefresh } from '../messages/route-refresh.ts';

const NOTHING = new Uint8Array(0);
const BOTH = [IPV4_UNICAST, IPV6_UNICAST];

/** The body of an UPDATE with that many bytes of attributes. */
function body(length: number): Uint8Array {
  return updateBody(NOTHING, new Uint8Array(length).fill(7), NOTHING);
}

function update(length: number): Uint8Array {
  return encodeMessage(MESSAGE_UPDATE, body(length));
}

describe.concurrent('two sessions', { timeout: 30_000 }, () => {
  it('come up, with what both sides know', async () => {
    const [a, b] = await establishPair({ families: BOTH, holdTime: 30 }, { families: BOTH });
    await using _a = a;
    await using _b = b;
    expect(a.recorder.negotiated).toMatchObject({ peerAs: 65002, peerRouterId: 2, holdTime: 30, families: BOTH });
    expect(b.recorder.negotiated).toMatchObject({ peerAs: 65001, peerRouterId: 1, holdTime: 30, families: BOTH });
    expect(a.session.negotiated).toBe(a.recorder.negotiated);
    expect(a.session.localAddress).toBe(b.session.config.peerAddress);
    expect([a.session.localPort, a.session.remotePort]).toEqual([b.session.remotePort, b.session.localPort]);
    const { flaps, received, sent } = a.session.statistics;
    expect([flaps, received.open > 0, sent.open > 0]).toEqual([0, true, true]);
  });

  it('come up whichever side opens the connection', async () => {
    for (const [first, second] of [
      [{ passive: true }, {}],
      [{}, { passive: true }],
    ]) {
      const [a, b] = await establishPair(first, second);
      await using _a = a;
      await using _b = b;
      expect([a.session.state, b.session.state]).toEqual(['Established', 'Established']);
    }
  });

  it('settle a collision without a flap, time and again', async () => {
    // With graceful restart another connection could be taken for a restart.
    const terms = { gracefulRestart: { restartTime: 120, restarting: false, forwarding: true } };
    const pairs = await Promise.all(Array.from({ length: 20 }, () => establishPair(terms, terms)));
    for (const [a, b] of pairs) {
      await using _a = a;
      await using _b = b;
      expect([a.session.localPort, a.session.remotePort]).toEqual([b.session.remotePort, b.session.localPort]);
      expect([...a.recorder.downs, ...b.recorder.downs]).toEqual([]);
    }
  });

  it('hand on UPDATEs both ways, extended ones too', async () => {
    const [a, b] = await establishPair();
    await using _a = a;
    await using _b = b;
    const lengths = [4, 4000, 60_000, 0, 17];
    for (const length of lengths) {
      a.session.send(update(length));
      b.session.send(update(length));
    }
    for (const { recorder, session } of [a, b]) {
      await waitFor(() => recorder.updates.length === lengths.length, { what: 'all UPDATEs' });
      expect(recorder.updates).toEqual(lengths.map(body));
      expect(session.statistics.sent.update).toBe(lengths.length);
      expect(session.statistics.received.update).toBe(lengths.length);
    }
  });

  it('hand on ROUTE-REFRESH for families that were negotiated', async () => {
    const [a, b] = await establishPair();
    await using _a = a;
    await using _b = b;
    a.session.send(encodeRouteRefresh(2, 1));
    a.session.send(encodeRouteRefresh(1, 1));
    await waitFor(() => b.recorder.refreshes.length > 0, { what: 'a ROUTE-REFRESH' });
    expect(b.recorder.refreshes).toEqual([[IPV4_UNICAST, 0]]);
    expect(b.session.statistics.received.routeRefresh).toBe(2);
  });

  it('tell when there is enough to send, and when there is room again', async () => {
    const [a, b] = await establishPair();
    await using _a = a;
    await using _b = b;
    const message = update(60_000);
    let sent = 0;
    do sent++;
    while (a.session.send(message));
    expect(sent).toBeLessThan(10);
    await waitFor(() => a.recorder.writables > 0, { what: 'room' });
    await waitFor(() => b.recorder.updates.length === sent, { what: 'all UPDATEs' });
    expect(a.session.send(message)).toBe(true);
  });
});

describe.concurrent('the end of a session', { timeout: 30_000 }, () => {
  it('is told to the peer with the reason', async () => {
    const [a, b] = await establishPair();
    await using _b = b;
    a.listener.close();
    await a.session.stop({ kind: 'shutdown', message: 'maintenance until noon' });
    expect(a.session.state).toBe('Idle');
    expect(a.recorder.downs).toMatchObject([{ kind: 'stopped', words: 'shut down: maintenance until noon' }]);
    await waitFor(() => b.recorder.downs.length > 0, { what: 'the end of the session' });
    const words = 'the peer sent NOTIFICATION Cease / Administrative Shutdown: "maintenance until noon"';
    expect(b.recorder.downs).toMatchObject([{ kind: 'notification-received', words }]);
    expect(b.session.statistics.lastError?.words).toBe(words);
    expect(b.session.statistics.lastNotificationReceived?.notification).toMatchObject({ code: 6, subcode: 2 });
  });

  it('is silent for a restart', async () => {
    const [a, b] = await establishPair();
    await using _b = b;
    a.listener.close();
    await a.session.stop({ kind: 'restart' });
    await waitFor(() => b.recorder.downs.length > 0, { what: 'the end of the session' });
    expect(b.recorder.downs).toMatchObject([{ kind: 'connection-lost', words: 'the peer closed the connection' }]);
  });

  it('lasts until the operator wants the peer back', async () => {
    const [a, b] = await establishPair();
    await using _a = a;
    await using _b = b;
    a.session.adminDown('new cable');
    expect([a.session.state, a.session.disabled]).toEqual(['Idle', true]);
    // The peer tries again, and is told again.
    await waitFor(() => b.session.statistics.received.notification >= 2, { what: 'a second refusal' });
    expect(a.session.state).toBe('Idle');
    a.session.adminUp();
    await a.reaches('Established');
  });

  it('is followed by a new session after a reset', async () => {
    const [a, b] = await establishPair();
    await using _a = a;
    await using _b = b;
    a.session.reset('try again');
    await waitFor(() => b.recorder.downs.length > 0, { what: 'the end of the session' });
    expect(b.recorder.downs[0].words).toContain('Administrative Reset: "try again"');
    await a.reaches('Established');
    expect(a.session.statistics.flaps).toBe(1);
  });

  it('follows an UPDATE that cannot be accepted, and only what came before it counts', async () => {
    const [a, b] = await establishPair();
    await using _a = a;
    await using _b = b;
    b.recorder.onUpdate = () => {
      throw new BgpError(3, 1, 'the attributes make no sense', Uint8Array.of(1, 2));
    };
    a.session.send(Uint8Array.of(...update(4), ...update(5)), 2);
    await waitFor(() => a.recorder.downs.length > 0, { what: 'the end of the session' });
    expect(a.recorder.downs[0].notificationReceived).toEqual({ code: 3, subcode: 1, data: Uint8Array.of(1, 2) });
    expect(b.recorder.downs[0]).toMatchObject({ kind: 'protocol-error', words: 'the attributes make no sense' });
    expect(b.recorder.updates).toHaveLength(1);
  });

  it('follows a defect of the consumer, which is logged and harms nothing else', async () => {
    const logged: string[] = [];
    const log = (level: string, words: string): void => void (level === 'error' && logged.push(words));
    const [a, b] = await establishPair({}, { environment: testEnvironment({ log }) });
    await using _a = a;
    await using _b = b;
    b.recorder.onUpdate = () => {
      throw new TypeError('x is undefined');
    };
    a.session.send(update(4));
    await waitFor(() => a.recorder.downs.length > 0, { what: 'the end of the session' });
    expect(a.recorder.downs[0].notificationReceived).toMatchObject({ code: 6, subcode: 0 });
    expect(logged[0]).toContain('TypeError: x is undefined');
    b.recorder.onUpdate = () => undefined;
    await b.reaches('Established');
  });
});

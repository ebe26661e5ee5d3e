import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { RawPeer, testEnvironment } from '../../../test/support/session-peers.ts';
import type { SideConfig } from '../../../test/support/session-peers.ts';
import { updateBody } from '../../../test/support/wire.ts';
import { waitFor } from '../../../test/support/wait-for.ts';
import { IPV4_UNICAST } from '../../net/family.ts';
import { localOpen } from '../fsm/local-open.ts';
import { MESSAGE_UPDATE, encodeMessage } from '../messages/framing.ts';
import { encodeKeepalive } from '../messages/keepalive.ts';
import { encodeOpen } from '../messages/open.ts';
import { ReadBudget } from './read-budget.ts';

const NOTHING = new Uint8Array(0);
const SPEAKER = { localAs: 65002, routerId: 2, holdTime: 90, families: [IPV4_UNICAST] };
const OPEN = encodeOpen(localOpen(SPEAKER));
const UPDATE = encodeMessage(MESSAGE_UPDATE, updateBody(NOTHING, NOTHING, NOTHING));
/** The passive peer doesn't open connections of its own, so that there is no collision. */
const PASSIVE: SideConfig = { passive: true };

async function establish(peer: RawPeer, holdTime = 90): Promise<Socket> {
  const socket = await peer.connection();
  socket.write(encodeOpen(localOpen({ ...SPEAKER, holdTime })));
  socket.write(encodeKeepalive());
  await peer.side.reaches('Established');
  return socket;
}

/** Code and subcode of the NOTIFICATION that ends what the session sends. */
function lastNotification(received: Buffer): [number, number] | undefined {
  const at = received.lastIndexOf(Buffer.alloc(16, 0xff));
  return at >= 0 && received[at + 18] === 3 ? [received[at + 19], received[at + 20]] : undefined;
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks);
}

describe.concurrent('a session whose peer', { timeout: 30_000 }, () => {
  it('is not there says so, and tries again', async () => {
    await using peer = await RawPeer.make({ peerPort: 1 });
    peer.side.session.start();
    await waitFor(() => peer.side.recorder.states.filter((state) => state === 'Connect').length >= 2, {
      what: 'a second attempt',
    });
    expect(peer.side.session.statistics.lastError?.words).toBe('connection refused');
  });

  it('answers nothing gives up in time', async () => {
    // A key that only one side has: the other drops every segment.
    await using secured = await RawPeer.make({ password: 'secret', passive: true });
    await using peer = await RawPeer.make();
    const { config } = peer.side.session;
    secured.side.listener.setPeer(config.localAddress!, { password: 'secret' });
    await using lonely = await RawPeer.make({
      peerAddress: secured.side.session.config.localAddress!,
      peerPort: secured.side.listener.port!,
      localAddress: config.localAddress!,
    });
    lonely.side.session.start();
    await lonely.side.reaches('Active');
    const words = 'connection attempt timed out: no answer from the peer';
    expect(lonely.side.session.statistics.lastError?.words).toBe(words);
  });

  it('has a source address that is not here says so', async () => {
    await using peer = await RawPeer.make({ localAddress: '192.0.2.1' });
    peer.side.session.start();
    await peer.side.reaches('Active');
    expect(peer.side.session.statistics.lastError?.words).toBe('the source address of the session is not on this node');
  });

  it('resets the connection in any state comes back', async () => {
    await using peer = await RawPeer.make();
    peer.side.session.start();
    (await peer.connection(1)).resetAndDestroy();
    const second = await peer.connection(2);
    second.write(OPEN);
    await peer.side.reaches('OpenConfirm');
    second.resetAndDestroy();
    const third = await peer.connection(3);
    third.write(OPEN);
    third.write(encodeKeepalive());
    await peer.side.reaches('Established');
    third.resetAndDestroy();
    await waitFor(() => peer.side.recorder.downs.length > 0, { what: 'the end of the session' });
    expect(peer.side.recorder.downs[0]).toMatchObject({
      kind: 'connection-lost',
      words: 'the peer reset the connection',
    });
    expect(peer.side.recorder.reasons).toContain('the peer reset the connection before OPEN');
    expect(peer.side.recorder.reasons).toContain('the peer reset the connection before KEEPALIVE');
  });

  it('splits messages at any byte is understood', async () => {
    await using peer = await RawPeer.make();
    peer.side.session.start();
    const socket = await peer.connection();
    socket.setNoDelay(true);
    const stream = Buffer.concat([OPEN, encodeKeepalive(), UPDATE, encodeKeepalive(), UPDATE]);
    for (const byte of stream) {
      await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve));
    }
    await waitFor(() => peer.side.recorder.updates.length === 2, { what: 'the UPDATEs' });
    expect(peer.side.session.state).toBe('Established');
  });

  it('sends what is no BGP gets the NOTIFICATION before the connection is closed', async () => {
    await using peer = await RawPeer.make();
    peer.side.session.start();
    const socket = await peer.connection();
    const received = readAll(socket);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(lastNotification(await received)).toEqual([1, 1]);
    expect(peer.side.session.statistics.lastError?.words).toBe('the marker of the message header is not all ones');
  });

  it('says nothing any more is given up after the hold time', async () => {
    await using peer = await RawPeer.make({ holdTime: 3 });
    peer.side.session.start();
    const socket = await establish(peer);
    const received = readAll(socket);
    expect(lastNotification(await received)).toEqual([4, 0]);
    expect(peer.side.recorder.downs).toMatchObject([
      { kind: 'hold-timer-expired', words: 'hold timer expired: nothing heard for 3 s' },
    ]);
    // KEEPALIVEs went out in the meantime.
    expect(peer.side.session.statistics.sent.keepalive).toBeGreaterThanOrEqual(3);
  });

  it('was heard by an UPDATE is not given up', async () => {
    await using peer = await RawPeer.make({ holdTime: 3 });
    peer.side.session.start();
    const socket = await establish(peer);
    const started = performance.now();
    const timer = setInterval(() => socket.write(UPDATE), 500);
    await waitFor(() => performance.now() - started > 4_000, { what: 'more than the hold time' });
    clearInterval(timer);
    expect(peer.side.recorder.downs).toEqual([]);
  });

  it('reads nothing any more is given up, without waiting for it', async () => {
    await using peer = await RawPeer.make({ sendHoldTime: 1 });
    peer.side.session.start();
    const socket = await establish(peer);
    socket.pause();
    const keepalives = setInterval(() => socket.write(encodeKeepalive()), 200);
    const big = encodeMessage(MESSAGE_UPDATE, updateBody(NOTHING, new Uint8Array(60_000), NOTHING));
    // Until both kernels are full.
    await waitFor(
      () => {
        while (peer.side.session.send(big));
        return peer.side.recorder.downs.length > 0;
      },
      { what: 'the send hold timer', intervalMs: 1 },
    );
    clearInterval(keepalives);
    expect(peer.side.recorder.downs[0]).toMatchObject({
      kind: 'send-hold-timer-expired',
      words: 'send hold timer expired: the peer accepted no data for 1 s',
    });
  });

  it('sends much doesn’t keep the rest of the process waiting', async () => {
    const environment = testEnvironment({ readBudget: new ReadBudget(2) });
    await using peer = await RawPeer.make({ environment });
    peer.side.session.start();
    const socket = await establish(peer);
    peer.side.recorder.onUpdate = () => {
      const end = performance.now() + 0.1;
      while (performance.now() < end);
    };
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns++;
      if (counting) setImmediate(count);
    };
    const many = 10_000;
    socket.write(Buffer.concat(Array.from({ length: many }, () => UPDATE)));
    setImmediate(count);
    await waitFor(() => peer.side.recorder.updates.length === many, { what: 'all UPDATEs', timeoutMs: 30_000 });
    counting = false;
    // A second of work; a chunk of 64 KiB holds 280 ms of it.
    expect(turns).toBeGreaterThan(many / 3000);
  });

  it('connects while it is held off is not refused, and what it said is not lost', async () => {
    await using peer = await RawPeer.make(PASSIVE);
    peer.side.session.start();
    const first = await peer.connect();
    first.write(OPEN);
    first.write(encodeKeepalive());
    await peer.side.reaches('Established');
    first.resetAndDestroy();
    await peer.side.reaches('Idle');
    const second = await peer.connect();
    second.write(OPEN);
    second.write(encodeKeepalive());
    await peer.side.reaches('Established');
    expect(peer.side.session.statistics.sent.notification).toBe(0);
  });

  it('is stopped while it connects leaves nothing behind', async () => {
    await using peer = await RawPeer.make();
    peer.side.session.start();
    expect(peer.side.session.state).toBe('Connect');
    await peer.side.session.stop({ kind: 'deconfigured' });
    expect(peer.side.session.state).toBe('Idle');
  });

  it('needs a password that cannot be set is not talked to', async () => {
    const environment = testEnvironment({ kernel: undefined });
    await using peer = await RawPeer.make({ environment });
    await using secured = await RawPeer.make({ environment, passive: true });
    expect(() => secured.side.listener.setPeer('127.0.0.1', { password: 'x' })).toThrow(/koffi/);
    // Without a password everything works.
    peer.side.session.start();
    await establish(peer);
  });
});

import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { establishPair, loopbackAddress, makePair, testEnvironment } from '../../../test/support/session-peers.ts';
import { requireOrSkip } from '../../../test/support/skip.ts';
import { waitFor } from '../../../test/support/wait-for.ts';
import { loadKernelSockets } from './kernel-sockets.ts';
import { Listener } from './listener.ts';

async function firstBytes(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks);
}

describe.concurrent('a listener', { timeout: 30_000 }, () => {
  it.each([
    ['with socket options', loadKernelSockets()],
    ['without', undefined],
  ])('%s tells peers from strangers', async (_how, kernel) => {
    const [address, known, stranger] = [loopbackAddress(), loopbackAddress(), loopbackAddress()];
    const accepted: string[] = [];
    const refused: string[] = [];
    const listener = new Listener(
      { address, port: 0 },
      {
        accepted: (peer, socket) => {
          accepted.push(peer);
          socket.destroy();
        },
        refused: (_peer, words) => refused.push(words),
      },
      kernel,
    );
    await listener.start();
    listener.setPeer(known, {});
    const { port } = listener;
    await firstBytes(connect({ host: address, port: port!, localAddress: known }));
    const bytes = await firstBytes(connect({ host: address, port: port!, localAddress: stranger }));
    expect(accepted).toEqual([known]);
    expect(refused).toEqual([`connection from ${stranger} refused: no such peer is configured`]);
    expect(listener.refusals).toBe(1);
    // NOTIFICATION Cease / Connection Rejected.
    expect([...bytes.subarray(18)]).toEqual([3, 6, 5]);
    listener.close();
  });

  it('knows link-local peers by their interface, and IPv6 and IPv4 apart', async () => {
    const kernel = loadKernelSockets();
    const accepted: string[] = [];
    const handler = {
      accepted: (peer: string, socket: Socket): void => {
        accepted.push(peer);
        socket.destroy();
      },
    };
    const v6 = new Listener({ address: '::', port: 0 }, handler, kernel);
    await v6.start();
    const v4 = new Listener({ address: '0.0.0.0', port: v6.port! }, handler, kernel);
    await v4.start();
    for (const listener of [v4, v6]) for (const peer of ['::1', '127.0.0.1']) listener.setPeer(peer, {});
    await firstBytes(connect({ host: '::1', port: v6.port! }));
    await firstBytes(connect({ host: '127.0.0.1', port: v4.port! }));
    expect(accepted).toEqual(['::1', '127.0.0.1']);
    for (const listener of [v4, v6]) listener.close();
  });

  it.each([
    ['with socket options', loadKernelSockets()],
    ['without', undefined],
  ])('%s says why it cannot listen', async (_how, kernel) => {
    const address = loopbackAddress();
    const other = createServer();
    await new Promise<void>((resolve) => void other.listen(0, address, resolve));
    const { port } = other.address() as { port: number };
    const handler = { accepted: () => undefined };
    await expect(new Listener({ address, port }, handler, kernel).start()).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `cannot listen on ${address}:${port}: another program listens there (see: ss -ltnp sport = :${port})`,
    });
    other.close();
    await expect(new Listener({ address: '192.0.2.1', port: 0 }, handler, kernel).start()).rejects.toMatchObject({
      code: 'ADDRESS_NOT_HERE',
    });
  });

  it('can listen again at once where it listened', async () => {
    const address = loopbackAddress();
    const handler = { accepted: () => undefined };
    const first = new Listener({ address, port: 0 }, handler, loadKernelSockets());
    await first.start();
    const port = first.port!;
    first.close();
    const second = new Listener({ address, port }, handler, loadKernelSockets());
    await second.start();
    expect(second.port).toBe(port);
    second.close();
  });
});

describe.concurrent('TCP MD5', { timeout: 30_000 }, () => {
  it('lets peers with the same password talk', async () => {
    const [a, b] = await establishPair({ password: 'secret' }, { password: 'secret' });
    await using _a = a;
    await using _b = b;
    expect(a.session.state).toBe('Established');
  });

  it.each([
    ['another password', { password: 'other' }],
    ['no password', {}],
  ])('keeps a peer with %s out, until it has the right one', async (_what, wrong) => {
    const [a, b] = await makePair({ password: 'secret', passive: true }, wrong);
    await using _a = a;
    await using _b = b;
    for (const { session } of [a, b]) session.start();
    await b.reaches('Active');
    expect(b.session.statistics.lastError?.words).toBe('connection attempt timed out: no answer from the peer');
    expect(a.recorder.states).toEqual(['Active']);
    // The listener's key changes while it runs.
    a.listener.setPeer(b.session.config.localAddress!, wrong);
    await b.reaches('Established');
  });

  it('refuses a password that is too long, with words', async () => {
    const [a, b] = await makePair({ password: 'x'.repeat(80) });
    await using _a = a;
    await using _b = b;
    expect(() => a.listener.setPeer('127.0.0.1', { password: 'x'.repeat(81) })).toThrow(/at most 80 bytes/);
  });
});

describe.concurrent('TTL security', { timeout: 30_000 }, () => {
  it('lets peers that are near enough talk', async (ctx) => {
    // Some kernels let only root attach filters and keys.
    requireOrSkip(ctx, { root: true });
    const [a, b] = await establishPair({ ttlSecurity: 1 }, { ttlSecurity: 1 });
    await using _a = a;
    await using _b = b;
    expect(a.session.state).toBe('Established');
  });

  it('is deaf to a peer whose packets have come too far', async (ctx) => {
    requireOrSkip(ctx, { root: true });
    const [a, b] = await makePair({ ttlSecurity: 2, passive: true }, { ttl: 253, connectRetryTime: 1 });
    await using _a = a;
    await using _b = b;
    for (const { session } of [a, b]) session.start();
    await b.reaches('Active');
    expect(a.recorder.states).toEqual(['Active']);
    // Other peers of the listener are heard.
    a.listener.removePeer(b.session.config.localAddress!);
    await waitFor(() => a.listener.refusals > 0, { what: 'a packet to get through' });
  });

  it('is deaf over IPv6 too, from its first packet on', async (ctx) => {
    requireOrSkip(ctx, { root: true });
    const accepted: string[] = [];
    const handler = {
      accepted: (peer: string, socket: Socket): void => {
        accepted.push(peer);
        socket.destroy();
      },
    };
    const listener = new Listener({ address: '::1', port: 0 }, handler, loadKernelSockets());
    await listener.start();
    listener.setPeer('::1', { ttlSecurity: 1 });
    const socket = connect({ host: '::1', port: listener.port! });
    const started = performance.now();
    await waitFor(() => performance.now() - started > 300, { what: 'time for a connection' });
    expect(accepted).toEqual([]);
    // TCP tries again.
    listener.setPeer('::1', {});
    await firstBytes(socket);
    expect(accepted).toEqual(['::1']);
    listener.close();
  });

  it('goes with a password', async (ctx) => {
    requireOrSkip(ctx, { root: true });
    const secured = { ttlSecurity: 1, password: 'secret', environment: testEnvironment() };
    const [a, b] = await establishPair(secured, secured);
    await using _a = a;
    await using _b = b;
    expect(b.session.state).toBe('Established');
  });
});

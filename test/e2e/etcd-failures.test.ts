/** The etcd datastore when etcd, or the way to it, fails: nothing is lost, dropped or told twice. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WATCH } from '../../src/datastore/etcd/rpc.ts';
import { startEtcd } from '../support/etcd.ts';
import type { Etcd } from '../support/etcd.ts';
import { createScratch } from '../support/scratch.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import type { Inspect } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { emptyEtcd, peer, peerKey, run, runSynced } from './etcd-fixture.ts';

const NEEDS = { programs: ['etcd'] };

let etcd: Etcd;
const scratch = createScratch('etcd-failures');

beforeAll(async () => {
  if (missingHere(NEEDS) === undefined) etcd = await startEtcd({ directory: scratch.path });
});

beforeEach(async (ctx) => {
  requireOrSkip(ctx, NEEDS);
  await emptyEtcd(etcd);
});

afterAll(async () => {
  await etcd?.[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

afterEach(async () => {
  if (etcd !== undefined && !etcd.process.running()) await etcd.restart();
});

describe('etcd that ends and comes back', () => {
  it('leaves the last state in force, and is read on from where it was', async () => {
    await etcd.put(peerKey('a'), peer('a'));
    await using running = await runSynced({ endpoints: [etcd.url] });
    await etcd.kill();
    await running.reach('away');
    const { lastError, sources } = running.datastore.status;
    expect(lastError?.words).toMatch(new RegExp(`^${etcd.url}: `));
    expect(sources.every(({ connectedSince }) => connectedSince === undefined)).toBe(true);
    expect(running.recorder.peers).toEqual(['a 64513']);
    await waitFor(() => running.datastore.status.lastError?.words === `${etcd.url}: connection refused`, {
      what: 'the reason',
    });
    await expect(running.datastore.writer.patchNode('n', { asNumber: 1 })).rejects.toMatchObject({
      code: 'DATASTORE_UNWRITABLE',
      message: expect.stringMatching(/nodes\/n can't be written: etcd is away \(.*connection refused\)$/),
    });
    await etcd.restart();
    await etcd.put(peerKey('b'), peer('b'));
    await running.reach('synced');
    await running.hasPeers('a 64513', 'b 64513');
    expect(running.recorder.snapshots).toBe(1);
    expect(running.recorder.changed).toEqual(['BGPPeer b']);
    expect(running.recorder.statuses.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1])).toEqual(
      ['synced', 'away', 'synced'],
    );
  });

  it('may come later than the daemon', async () => {
    await etcd.put(peerKey('a'), peer('a'));
    await etcd.kill();
    await using running = run({ endpoints: [etcd.url] });
    await running.reach('away');
    expect(running.recorder.snapshots).toBe(0);
    await etcd.restart();
    await running.hasPeers('a 64513');
    expect(running.recorder.snapshots).toBe(1);
  });

  it('may have compacted what was missed: what is different is found by a list', async () => {
    for (const name of ['a', 'b', 'c']) await etcd.put(peerKey(name), peer(name));
    await using proxy = await startTcpProxy({ target: etcd.port });
    await using running = await runSynced({ endpoints: [`http://127.0.0.1:${proxy.port}`] });
    proxy.hold();
    proxy.cut();
    await etcd.delete(peerKey('a'));
    await etcd.put(peerKey('b'), peer('b', 1));
    await etcd.put(peerKey('d'), peer('d'));
    await etcd.compact();
    await running.reach('away');
    proxy.release();
    await running.hasPeers('b 1', 'c 64513', 'd 64513');
    await running.reach('synced');
    expect(running.recorder.changed.toSorted()).toEqual(['-BGPPeer a', 'BGPPeer b', 'BGPPeer d']);
    const { sources } = running.datastore.status;
    expect(sources.find(({ name }) => name === peerKey(''))?.lastError?.words).toMatch(/are compacted$/);
  });

  it('may have lost its last revisions, as from a backup: all is read anew', async () => {
    await using other = await startEtcd({ directory: scratch.path, name: 'backup' });
    for (const name of ['a', 'b']) await etcd.put(peerKey(name), peer(name));
    for (let i = 0; i < 5; i += 1) await other.put(peerKey('a'), peer('a', i + 1));
    await using proxy = await startTcpProxy({ target: etcd.port });
    const ports = [proxy.port];
    await using running = await runSynced({ endpoints: ports.map((port) => `http://127.0.0.1:${port}`) });
    await using detour = await replace(proxy, other.port);
    await running.hasPeers('a 5');
    expect(running.recorder.changed.toSorted()).toEqual(['-BGPPeer b', 'BGPPeer a']);
    await other.put(peerKey('c'), peer('c'));
    await running.hasPeers('a 5', 'c 64513');
    expect(detour.port).toBe(ports[0]);
  });

  /** Ends a proxy, and starts one at the same port that leads elsewhere. */
  async function replace(proxy: Awaited<ReturnType<typeof startTcpProxy>>, target: number) {
    const { port } = proxy;
    await proxy[Symbol.asyncDispose]();
    return startTcpProxy({ target, port });
  }
});

describe('a connection that is cut', () => {
  /** Passes on answers up to, but not including, the first event of a watch. */
  function untilFirstEvent(): Inspect {
    let rest = Buffer.alloc(0);
    return (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      let passed = 0;
      // A frame of HTTP/2 (RFC 9113 §4.1): length, type, flags, stream; DATA has type 0, and a message of gRPC after 5 bytes.
      while (rest.length >= passed + 9 && rest.length >= passed + 9 + rest.readUIntBE(passed, 3)) {
        const end = passed + 9 + rest.readUIntBE(passed, 3);
        const isData = rest[passed + 3] === 0 && end > passed + 14;
        if (isData && WATCH.deserialize(rest.subarray(passed + 14, end)).events.length > 0) return undefined;
        passed = end;
      }
      const whole = rest.subarray(0, passed);
      rest = rest.subarray(passed);
      return whole;
    };
  }

  it('right after the watch was created has lost nothing', async () => {
    let cuts = 0;
    const inspectAnswers = () => {
      if (cuts === 0) return (chunk: Buffer) => chunk;
      cuts -= 1;
      return untilFirstEvent();
    };
    await using proxy = await startTcpProxy({ target: etcd.port, inspectAnswers });
    await using running = await runSynced({ endpoints: [`http://127.0.0.1:${proxy.port}`] });
    cuts = 3;
    proxy.hold();
    proxy.cut();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await etcd.put(peerKey(name), peer(name));
    proxy.release();
    await running.hasPeers(...['a', 'b', 'c', 'd', 'e'].map((name) => `${name} 64513`));
    expect(cuts).toBe(0);
    expect(running.recorder.changed.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => `BGPPeer ${name}`));
  });

  it('is noticed where nothing comes over it any more, and what was missed is made up for', async () => {
    await using proxy = await startTcpProxy({ target: etcd.port });
    await using running = await runSynced({ endpoints: [`http://127.0.0.1:${proxy.port}`] });
    proxy.hold();
    await etcd.put(peerKey('a'), peer('a'));
    await running.reach('away');
    expect(running.datastore.status.lastError?.words).toMatch(/gives no answer/);
    expect(running.recorder.peers).toEqual([]);
    proxy.cut();
    proxy.release();
    await running.hasPeers('a 64513');
    await running.reach('synced');
  });

  it('is noticed where etcd hangs', async () => {
    await using running = await runSynced({ endpoints: [etcd.url] });
    etcd.process.freeze();
    try {
      await running.reach('away');
    } finally {
      etcd.process.thaw();
    }
    await running.reach('synced');
    expect(running.recorder.snapshots).toBe(1);
  });

  it('is set up again without a storm', async () => {
    await using proxy = await startTcpProxy({ target: etcd.port, admit: () => false });
    await using running = run({ endpoints: [`http://127.0.0.1:${proxy.port}`] });
    const began = performance.now();
    await waitFor(() => proxy.accepted >= 4, { what: 'four attempts' });
    // With pauses of at least 125, 250 and 500 ms in between.
    expect(performance.now() - began).toBeGreaterThan(850);
    expect(running.recorder.snapshots).toBe(0);
  });
});

describe('a member that can not be reached', () => {
  it('is left for another one', async () => {
    await using running = await runSynced({ endpoints: ['http://127.0.0.1:1', etcd.url] });
    await etcd.put(peerKey('a'), peer('a'));
    await running.hasPeers('a 64513');
    expect(running.recorder.snapshots).toBe(1);
  });
});

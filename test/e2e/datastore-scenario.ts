/** A daemon whose datastore dies, is away while the daemon restarts, and comes back with a change: no peer may notice. */
import { expect } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import type { Bird } from './bird-fixture.ts';
import { linkAddresses } from './daemon-fixture.ts';
import type { TestNode } from './daemon-fixture.ts';

/** The datastore, as far as the scenario needs it. It holds the node, a BGPPeer for link 1, and a block. */
export interface MortalDatastore {
  readonly name: 'etcd' | 'kubernetes';
  /** What the daemon is told of it. */
  readonly settings: object;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Adds a block of the node. */
  addBlock(cidr: string): Promise<void>;
}

const FIRST_BLOCK = '10.244.1.0/26';
const SECOND_BLOCK = '10.244.2.0/26';

/** Goes through all of it, and gives what is wrong in the end. The datastore has {@link FIRST_BLOCK} only, and no cache is there yet. */
export async function survivesItsDatastore(
  node: TestNode,
  bird: Bird,
  datastore: MortalDatastore,
): Promise<readonly string[]> {
  const config = node.configure({ datastore: datastore.settings });
  const peer = linkAddresses(1).theirs;
  const reach = (state: string) =>
    waitFor(async () => (await node.status()).datastore, {
      what: `the datastore to be ${state}`,
      // Clients of the API server come back after some seconds, the longer it was away the later.
      timeoutMs: 60_000,
      accept: (seen) => seen.state === state,
    });
  const daemon = await node.startDaemon(config);
  await node.established(peer);
  await bird.has(FIRST_BLOCK);
  const before = await bird.heard();

  await datastore.kill();
  expect((await reach('cached')).cacheWritten).toBeNull();
  expect(await bird.heard()).toEqual(before);

  daemon.signal('SIGTERM');
  await daemon.ended;
  await node.startDaemon(config, 'cached');
  await node.established(peer);
  await bird.has(FIRST_BLOCK);
  const { datastore: served, problems } = await node.status();
  expect(served).toMatchObject({ type: datastore.name, cacheWritten: { agoSeconds: expect.any(Number) } });
  expect(problems[0]).toMatch(/^The \w+ datastore is away: .*; what was written to disk at .* is in force\.$/);
  expect((await node.starling('status')).out).toMatch(
    /the last known state is served from disk for \S+, written \S+ ago/,
  );
  const restarted = await bird.heard();
  expect(restarted.session).toBe(before.session + 1);

  await datastore.restart();
  await datastore.addBlock(SECOND_BLOCK);
  await reach('synced');
  await bird.has(FIRST_BLOCK, SECOND_BLOCK);
  expect(await bird.heard()).toEqual({ ...restarted, routes: restarted.routes + 1 });
  // Sources that the daemon can do without may come back after the others.
  return waitFor(async () => (await node.status()).problems, {
    what: 'nothing to be wrong',
    timeoutMs: 60_000,
    accept: (left) => left.length === 0,
  });
}

/** The etcd datastore with a cluster of three members, when one of them ends or is cut off. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { startEtcdCluster } from '../support/etcd-cluster.ts';
import type { Etcd } from '../support/etcd.ts';
import { createScratch } from '../support/scratch.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { peer, peerKey, run } from './etcd-fixture.ts';

beforeEach((ctx) => requireOrSkip(ctx, { programs: ['etcd'] }));

describe('a cluster', () => {
  it('is read on from another member when the leader ends, and when a member loses the majority', async () => {
    using scratch = createScratch('etcd-cluster');
    await using cluster = await startEtcdCluster(scratch.path);
    const { members } = cluster;
    const put = (name: string, at: readonly Etcd[]) =>
      eventually(at, (member) => member.put(peerKey(name), peer(name)));
    await put('a', members);
    // Begins with the first member, as chance would have it.
    vi.spyOn(Math, 'random').mockReturnValueOnce(0);
    await using running = run({ endpoints: members.map(({ url }) => url) });
    // Knows no other member.
    await using lone = run({ endpoints: [members[0].url] });
    await Promise.all([running, lone].map((one) => one.hasPeers('a 64513')));

    cluster.isolate(members[0]);
    const majority = members.slice(1);
    await put('b', majority);
    await running.hasPeers('a 64513', 'b 64513');
    expect(running.datastore.status.lastError?.words).toMatch(new RegExp(`^${members[0].url}: .*no leader`));
    await lone.reach('away');
    const says = () => lone.datastore.status.lastError?.words ?? '';
    await waitFor(() => /no leader/.test(says()), { what: 'the lone member to say that it has no leader' });
    expect(lone.recorder.peers).toEqual(['a 64513']);

    cluster.rejoin();
    await lone.hasPeers('a 64513', 'b 64513');
    const leader = await cluster.leader(members[1]);
    await leader.kill();
    const rest = members.filter((member) => member !== leader);
    await put('c', rest);
    await running.hasPeers('a 64513', 'b 64513', 'c 64513');
    await running.reach('synced');
    expect(running.recorder.changed.filter((change) => change.startsWith('-'))).toEqual([]);
    expect([running, lone].map(({ recorder }) => recorder.snapshots)).toEqual([1, 1]);
  });
});

/** Does something with the first of the members that lets it, as soon as there is one. */
async function eventually(members: readonly Etcd[], action: (member: Etcd) => Promise<void>): Promise<void> {
  const tried = async () => {
    for (const member of members) {
      const done = await action(member).then(
        () => true,
        () => false,
      );
      if (done) return true;
    }
    return false;
  };
  await waitFor(tried, { what: 'the cluster to take a change', timeoutMs: 20_000 });
}

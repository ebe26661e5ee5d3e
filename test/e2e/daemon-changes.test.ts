/** A change of the resources touches only what it is about: two BIRDs tell what they heard. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, NODE_AS, TestNode, bgpPeer, block, linkAddresses, resource } from './daemon-fixture.ts';

const [FIRST, SECOND, THIRD, FOURTH] = [1, 2, 3, 4].map((number) => linkAddresses(number).theirs);
/** A block that comes and goes to show that all before it has been taken in. */
const SIGN = '10.244.255.0/26';
/** A pool that nothing is in. One that only keeps routes from peers may go at any time. */
const FAR_POOL = resource('IPPool', 'far', { cidr: '172.31.0.0/16', disableBGPExport: true });
/** How long most blocks stay when they vanish at once, in seconds. */
const HOLD_TIME = 4;
const BLOCKS = ['10.244.1.0/26', 'fd44::/122'];

let node: TestNode;
let birds: Bird[] = [];

async function routesOf(bird: Bird, prefix: string, there: boolean): Promise<void> {
  await waitFor(async () => (await bird.prefixes()).includes(prefix) === there, {
    what: `${bird.process.name} ${there ? 'to have' : 'to lose'} ${prefix}`,
  });
}

/** A block that the node is giving up: it is announced, and may go at any time. */
function leavingBlock(cidr: string): object {
  return resource('BlockAffinity', `leaving-${cidr.replaceAll(/[./]/g, '-')}`, {
    cidr,
    node: 'node-1',
    state: 'pendingDeletion',
  });
}

/** Announces a block to both routers and takes it back. */
async function sign(): Promise<void> {
  node.write('sign.yaml', leavingBlock(SIGN));
  for (const bird of birds) await routesOf(bird, SIGN, true);
  node.remove('sign.yaml');
  for (const bird of birds) await routesOf(bird, SIGN, false);
}

/** How many routes each router is told or untold because of a change. */
async function heardOf(change: () => void | Promise<void>): Promise<(number | 'in a new session')[]> {
  const before = await Promise.all(birds.map((bird) => bird.heard()));
  await change();
  await sign();
  const after = await Promise.all(birds.map((bird) => bird.heard()));
  // Two are the sign.
  return after.map(({ session, routes }, i) =>
    session === before[i].session ? routes - before[i].routes - 2 : 'in a new session',
  );
}

function filter(name: string, spec: object): object {
  return resource('BGPFilter', name, spec);
}

function rule(action: string, cidr: string): object {
  return { action, matchOperator: 'In', cidr };
}

/** The second router is told what the first one announces. */
const SECOND_FILTER = filter('to-second', { exportV4: [rule('Accept', '10.70.0.0/15')] });

function writePeers(...more: object[]): void {
  node.write(
    'peers.yaml',
    bgpPeer(1, 65_001, { filters: ['of-first'] }),
    bgpPeer(2, 65_002, { filters: ['to-second'] }),
    SECOND_FILTER,
    ...more,
  );
}

beforeAll(async () => {
  if (missingHere(DAEMON_NEEDS) !== undefined) return;
  node = new TestNode();
  birds = [
    await Bird.start(node.addLink(1), 1, 65_001, ['10.70.0.0/16', '10.71.0.0/16', 'fd70::/32']),
    await Bird.start(node.addLink(2), 2, 65_002),
  ];
  node.writeBasics();
  node.write('filters.yaml', filter('of-first', {}));
  writePeers();
  node.write('blocks.yaml', ...BLOCKS.map((cidr) => block(cidr)));
  await node.startDaemon(node.configure({ services: { guard: { holdTime: HOLD_TIME } } }));
  await node.established(FIRST, SECOND);
  await birds[0].has(...BLOCKS);
  await birds[1].has('10.70.0.0/16', '10.71.0.0/16', ...BLOCKS);
});
afterAll(async () => {
  for (const bird of birds) await bird[Symbol.asyncDispose]();
  await node?.[Symbol.asyncDispose]();
});
beforeEach((ctx) => requireOrSkip(ctx, DAEMON_NEEDS));

describe('a change of the resources', () => {
  it('announces and withdraws blocks to both', async () => {
    const added = await heardOf(async () => {
      node.write('more.yaml', block('10.244.2.0/26'), block('10.244.2.64/26'), block('10.244.3.0/26', 'node-7'));
      for (const bird of birds) await routesOf(bird, '10.244.2.64/26', true);
    });
    expect(added).toEqual([2, 2]);
    expect(await birds[0].prefixes()).toEqual(['10.244.1.0/26', '10.244.2.0/26', '10.244.2.64/26', 'fd44::/122']);
    const removed = await heardOf(() => node.remove('more.yaml'));
    expect(removed).toEqual([2, 2]);
    await birds[0].has(...BLOCKS);
  });

  it('withdraws what an edited export filter rejects from that peer only, and announces it again', async () => {
    const rejected = await heardOf(() =>
      node.write('filters.yaml', filter('of-first', { exportV4: [rule('Reject', '10.244.1.0/26')] })),
    );
    expect(rejected).toEqual([1, 0]);
    await birds[0].has('fd44::/122');
    const accepted = await heardOf(() => node.write('filters.yaml', filter('of-first', {})));
    expect(accepted).toEqual([1, 0]);
    await birds[0].has(...BLOCKS);
  });

  it('takes what an edited import filter rejects out, and back in without asking the peer', async () => {
    const before = await node.peer(FIRST);
    const rejected = await heardOf(() =>
      node.write('filters.yaml', filter('of-first', { importV4: [rule('Reject', '10.71.0.0/16')] })),
    );
    // The second router loses the route that it was told.
    expect(rejected).toEqual([0, 1]);
    await birds[1].has('10.70.0.0/16', ...BLOCKS);
    expect((await node.peer(FIRST)).families['ipv4-unicast']).toMatchObject({ received: 2, accepted: 1 });
    const { out } = await node.starling('route', 'list', '--peer', FIRST, '--rejected');
    expect(out).toMatch(/10\.71\.0\.0\/16 .*of-first/);
    const accepted = await heardOf(() => node.write('filters.yaml', filter('of-first', {})));
    expect(accepted).toEqual([0, 1]);
    await birds[1].has('10.70.0.0/16', '10.71.0.0/16', ...BLOCKS);
    const after = await node.peer(FIRST);
    expect(after.families['ipv4-unicast']).toMatchObject({ received: 2, accepted: 2 });
    expect([after.since.time, after.messages.sent.routeRefresh]).toEqual([before.since.time, 0]);
  });

  it('opens the session of a new BGPPeer and closes that of a removed one, and no other', async () => {
    await using third = await Bird.start(node.addLink(3), 3, 65_003);
    const added = await heardOf(async () => {
      writePeers(bgpPeer(3, 65_003));
      await node.established(THIRD);
      await third.has(...BLOCKS);
    });
    expect(added).toEqual([0, 0]);
    const removed = await heardOf(async () => {
      writePeers();
      await waitFor(() => third.log.includes('Peer de-configured'), { what: 'the NOTIFICATION to the removed peer' });
    });
    expect(removed).toEqual([0, 0]);
    expect((await node.status()).peers).toEqual({ total: 2, established: 2, disabled: 0, kept: 0, held: 0 });
  });

  it('sets up a session anew for a changed keepalive time, that one only', async () => {
    const changed = await heardOf(async () => {
      const before = await birds[1].heard();
      node.write(
        'peers.yaml',
        bgpPeer(1, 65_001, { filters: ['of-first'] }),
        bgpPeer(2, 65_002, { filters: ['to-second'], keepaliveTime: '7s' }),
        SECOND_FILTER,
      );
      await waitFor(() => birds[1].heard(), {
        what: 'a new session',
        accept: ({ session }) => session > before.session,
      });
      await birds[1].has('10.70.0.0/16', '10.71.0.0/16', ...BLOCKS);
    });
    expect(changed).toEqual([0, 'in a new session']);
    expect((await node.peer(SECOND)).timers.negotiated).toMatchObject({ keepaliveSeconds: 7 });
    writePeers();
    await waitFor(() => node.peer(SECOND), {
      what: 'the old keepalive time',
      accept: ({ timers }) => timers.negotiated?.keepaliveSeconds === 30,
    });
    await birds[1].has('10.70.0.0/16', '10.71.0.0/16', ...BLOCKS);
  });

  it('does nothing at all for labels, comments, other resources, and the same in another order or file', async () => {
    const last = (await node.events()).at(-1)!.id;
    const changes: (() => void)[] = [
      () => node.write('more.yaml', FAR_POOL, block('10.245.0.0/26', 'node-7')),
      () => node.write('filters.yaml', '# a comment\n', filter('of-nobody', {}), filter('of-first', {})),
      () => node.write('blocks.yaml', ...BLOCKS.toReversed().map((cidr) => block(cidr))),
      () => node.write('more.yaml', resource('Node', 'node-9', { bgp: {} }, { rack: 'b' })),
      () => node.write('more.yaml', resource('Node', 'node-9', { bgp: {} }, { rack: 'c' })),
      () => {
        node.write('a.yaml', ...BLOCKS.map((cidr) => block(cidr)));
        node.remove('blocks.yaml');
      },
      () => {
        node.write('blocks.yaml', ...BLOCKS.map((cidr) => block(cidr)));
        node.remove('a.yaml');
        node.remove('more.yaml');
      },
    ];
    const heard = [];
    for (const change of changes) heard.push(await heardOf(change));
    expect(heard).toEqual(changes.map(() => [0, 0]));
    expect((await node.events()).filter(({ id, subject }) => id > last && subject !== SIGN)).toEqual([]);
  });

  it('reports what is broken with its place, and keeps what worked', async () => {
    const heard = await heardOf(async () => {
      node.write('blocks.yaml', 'kind: BlockAffinity\n  cidr: [\n');
      node.write('filters.yaml', filter('of-first', { exportV4: [{ action: 'Perhaps' }] }));
      node.write('unknown.yaml', 'apiVersion: projectcalico.org/v3\nkind: BGPPear\nmetadata: { name: x }\nspec: {}\n');
      node.write('peer.yaml', bgpPeer(8, 0));
      await waitFor(() => node.problems(), { what: 'the problems', accept: (words) => words.split('\n').length >= 4 });
    });
    expect(heard).toEqual([0, 0]);
    const found = await node.problems();
    expect(found).toMatch(/blocks\.yaml:1:7: not valid YAML: .*; what the file held before stays in force/);
    expect(found).toMatch(/filters\.yaml:\d+:\d+: BGPFilter "of-first": spec\.exportV4\[0\]\.action: .*Accept/);
    expect(found).toMatch(/unknown\.yaml:2:\d+: .*BGPPear.*BGPPeer/);
    expect(found).toMatch(/peer\.yaml:\d+:\d+: BGPPeer "router-8": spec\.asNumber/);
    const told = (await node.events()).filter(({ type }) => type === 'datastore').map(({ subject }) => subject);
    expect(told).toContainEqual(expect.stringMatching(/\/unknown\.yaml:2:\d+$/));
    expect(node.log).toMatch(/ WARN {2}\S+\/unknown\.yaml:2:\d+: /);
    const repaired = await heardOf(() => {
      node.remove('unknown.yaml');
      node.remove('peer.yaml');
      node.write('blocks.yaml', ...BLOCKS.map((cidr) => block(cidr)));
      node.write('filters.yaml', filter('of-first', {}));
    });
    expect(repaired).toEqual([0, 0]);
    expect(await node.problems()).toBe('');
  });

  it('does not mind how editors write files', async () => {
    const heard = await heardOf(async () => {
      node.replace('blocks.yaml', ...BLOCKS.map((cidr) => block(cidr)), '# by rename\n');
      node.replace(
        'peers.yaml',
        bgpPeer(2, 65_002, { filters: ['to-second'] }),
        SECOND_FILTER,
        bgpPeer(1, 65_001, { filters: ['of-first'] }),
      );
      // As vim does: away with the old one, then a new one.
      node.remove('blocks.yaml');
      node.write('blocks.yaml', ...BLOCKS.map((cidr) => block(cidr)));
    });
    expect(heard).toEqual([0, 0]);
    const edited = await heardOf(() =>
      node.replace('blocks.yaml', ...BLOCKS.map((cidr) => block(cidr)), leavingBlock('10.244.4.0/26')),
    );
    expect(edited).toEqual([1, 1]);
    node.replace('blocks.yaml', ...BLOCKS.map((cidr) => block(cidr)));
    await birds[0].has(...BLOCKS);
    await birds[1].has('10.70.0.0/16', '10.71.0.0/16', ...BLOCKS);
  });

  it('brings the mesh up and takes it down without a word to others', async () => {
    await using fourth = await Bird.start(node.addLink(4), 4, NODE_AS);
    node.write('node-2.yaml', resource('Node', 'node-2', { bgp: { ipv4Address: `${FOURTH}/24`, asNumber: NODE_AS } }));
    const on = await heardOf(async () => {
      node.writeBasics({ nodeToNodeMeshEnabled: true });
      await fourth.has(...BLOCKS);
    });
    expect(on).toEqual([0, 0]);
    expect(await node.peer(FOURTH)).toMatchObject({ type: 'mesh', session: 'internal', state: 'Established' });
    const off = await heardOf(async () => {
      node.writeBasics({ nodeToNodeMeshEnabled: false });
      await fourth.has();
    });
    expect(off).toEqual([0, 0]);
    expect((await node.status()).peers.total).toBe(2);
  });
});

describe('a directory that is emptied', () => {
  const kept = () =>
    waitFor(() => node.problems(), { what: 'the guard', accept: (words) => words.includes(BLOCKS_KEPT) });
  const BLOCKS_KEPT = 'Deleted in the datastore, and kept for ';

  it('and filled again withdraws nothing', async () => {
    const heard = await heardOf(async () => {
      const restore = node.empty();
      await kept();
      const { out } = await node.starling('route', 'explain', BLOCKS[0]);
      expect(out).toMatch(/It is deleted in the datastore, and kept for now .*services\.guard/);
      restore();
      await waitFor(() => node.problems(), { what: 'all to be there again', accept: (words) => words === '' });
    });
    expect(heard).toEqual([0, 0]);
    for (const bird of birds) for (const cidr of BLOCKS) await routesOf(bird, cidr, true);
  });

  it('of blocks withdraws them when the time is over', async () => {
    node.remove('blocks.yaml');
    await kept();
    for (const bird of birds) for (const cidr of BLOCKS) await routesOf(bird, cidr, false);
    const events = await node.events();
    const held = events.findLast(({ words }) => words.includes('BlockAffinities of this node are deleted at once'))!;
    const gone = events.findLast(({ words }) => words.startsWith('no longer originated'))!;
    expect(gone.epochSeconds - held.epochSeconds).toBeGreaterThan(HOLD_TIME - 0.1);
    expect(await node.problems()).toBe('');
    node.write('blocks.yaml', ...BLOCKS.map((cidr) => block(cidr)));
    await birds[0].has(...BLOCKS);
  });
});

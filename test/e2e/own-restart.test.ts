/** A daemon that is killed and started again, with its FIB, as a peer with graceful restart sees it (RFC 4724). */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunningProcess } from '../support/processes.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, TestNode, bgpPeer, block, linkAddresses, resource } from './daemon-fixture.ts';

beforeEach((ctx) => requireOrSkip(ctx, DAEMON_NEEDS));

/** Of the node, and of the peer. */
const BLOCK = '10.70.1.0/26';
const BIRDS = '10.80.0.0/16';

describe('a daemon with a FIB', () => {
  let node: TestNode;
  let bird: Bird;
  let daemon: RunningProcess;

  beforeAll(async () => {
    if (missingHere(DAEMON_NEEDS) !== undefined) return;
    node = new TestNode();
    const far = node.addLink(1);
    node.writeBasics();
    node.write('pool.yaml', resource('IPPool', 'pods', { cidr: '10.70.0.0/16' }));
    node.write('block.yaml', block(BLOCK));
    node.write('peer.yaml', bgpPeer(1, 65_001));
    bird = await Bird.start(far, 1, 65_001, [BIRDS]);
  });
  afterAll(async () => {
    await bird?.[Symbol.asyncDispose]();
    await node?.[Symbol.asyncDispose]();
  });

  const ours = async (): Promise<string> => {
    const { capabilities } = await node.peer(linkAddresses(1).theirs);
    return capabilities.ours.find((words) => words.startsWith('graceful restart')) ?? '';
  };

  it('says at its first start that nothing is kept, and from then on that it is', async () => {
    daemon = await node.startDaemon();
    await node.established(linkAddresses(1).theirs);
    await bird.has(BLOCK);
    const told = await bird.session();
    expect(told).not.toMatch(/Restart recovery/);
    expect(told).toMatch(/AF preserved:\s*$/m);
    expect(await ours()).toBe('graceful restart (120 s, ipv4-unicast forwarding, ipv6-unicast forwarding)');
  });

  it('is told apart from a first one after kill -9: the peer keeps what it had', async () => {
    await waitFor(() => node.ip('route', 'show', BIRDS), {
      what: 'a route in the kernel',
      accept: (routes) => routes.length > 0,
    });
    daemon.signal('SIGKILL');
    await daemon.ended;
    await waitFor(() => bird.session(), {
      what: 'BIRD to wait for the node',
      accept: (text) => text.includes('Neighbor graceful restart active'),
    });
    expect(await bird.prefixes()).toEqual([BLOCK]);
    daemon = await node.startDaemon();
    await node.established(linkAddresses(1).theirs);
    const told = await bird.session();
    expect(told).toMatch(/Restart recovery/);
    expect(told).toMatch(/AF preserved: ipv4 ipv6/);
    await waitFor(() => bird.session(), {
      what: 'BIRD to have heard End-of-RIB',
      accept: (text) => !text.includes('Neighbor graceful restart active'),
    });
    expect(await bird.prefixes()).toEqual([BLOCK]);
    await waitFor(ours, {
      what: 'the end of the restart',
      accept: (words) => words === 'graceful restart (120 s, ipv4-unicast forwarding, ipv6-unicast forwarding)',
    });
  });
});

describe('a daemon that leaves all routes to Felix', () => {
  it('tells by its workloads after kill -9 that packets to them went on', async () => {
    await using node = new TestNode();
    const far = node.addLink(1);
    node.writeBasics();
    node.write('pool.yaml', resource('IPPool', 'pods', { cidr: '10.70.0.0/16', vxlanMode: 'Always' }));
    node.write('felix.yaml', resource('FelixConfiguration', 'default', {}));
    node.write('block.yaml', block(BLOCK));
    node.write('peer.yaml', bgpPeer(1, 65_001));
    await node.ip('link', 'add', 'cali0', 'type', 'veth', 'peer', 'name', 'pod0');
    for (const name of ['cali0', 'pod0']) await node.ip('link', 'set', name, 'up');
    await node.ip('route', 'add', '10.70.1.5/32', 'dev', 'cali0', 'scope', 'link');
    await using bird = await Bird.start(far, 1, 65_001, []);
    const daemon = await node.startDaemon();
    await bird.has(BLOCK);
    daemon.signal('SIGKILL');
    await daemon.ended;
    await node.startDaemon();
    await node.established(linkAddresses(1).theirs);
    expect(await bird.session()).toMatch(/AF preserved: ipv4 ipv6/);
    await bird.has(BLOCK);
  });
});

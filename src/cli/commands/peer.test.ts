import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliWorld } from '../../../test/support/cli-world.ts';
import { FakeDaemonView } from '../../../test/support/fake-daemon-view.ts';
import { NODE_2, TOR_A } from '../../../test/support/fake-peers.ts';

let world: CliWorld;

beforeEach(async () => {
  world = await CliWorld.start(new FakeDaemonView());
});

afterEach(() => world[Symbol.asyncDispose]());

describe('starling peer', () => {
  it('lists peers', async () => {
    const [header, first, second] = (await world.output('peer', 'list')).split('\n');
    expect(header).toMatch(/^PEER +NAME +TYPE +AS +STATE +FOR +RECEIVED +ACCEPTED +ADVERTISED +INFO$/);
    expect(first).toMatch(/^10\.0\.0\.254 +tor-a +global +64601 +Established +1d02h +12 +10 +4$/);
    expect(second).toMatch(/^fe80::2%eth0 +node-2 +mesh +64512 +Active +42s +0 +0 +0 +connection refused$/);
  });

  it('leaves headers out, shows more, and all of it in JSON', async () => {
    expect((await world.output('peer', 'list', '--no-headers')).startsWith('10.0.0.254')).toBe(true);
    expect(await world.output('peer', 'list', '-o', 'wide')).toMatch(/12\/10\/4 .*BGPPeer tor-a/);
    expect(JSON.parse(await world.output('peer', 'list', '-o', 'json'))).toEqual({ peers: [TOR_A, NODE_2] });
  });

  it('exits with 1 unless what is expected is so', async () => {
    const { code, err } = await world.starling('peer', 'list', '--expect', 'established');
    expect([code, err]).toEqual([1, 'expected: established; but fe80::2%eth0 is Active (connection refused)\n']);
    world.daemon.peerList = [TOR_A, { ...NODE_2, admin: 'down' }];
    expect((await world.starling('peer', 'list', '--expect', 'established')).code).toBe(0);
    world.daemon.peerList = [];
    expect((await world.starling('peer', 'list', '--expect', 'established')).code).toBe(1);
    expect(await world.starling('peer', 'list')).toEqual({ code: 0, out: '', err: 'no peers are configured\n' });
  });

  it('shows a peer', async () => {
    expect(await world.output('peer', 'show', 'fe80::2%eth0')).toContain('connects to [fe80::2%eth0]:179');
    expect(JSON.parse(await world.output('peer', 'show', '10.0.0.254', '-o', 'json'))).toEqual(TOR_A);
    expect(await world.starling('peer', 'show', '10.0.0.9')).toMatchObject({
      code: 1,
      err: 'starling: there is no peer 10.0.0.9\n',
    });
  });

  it('resets, disables, enables', async () => {
    expect(await world.output('peer', 'reset', '10.0.0.254')).toBe('done: reset 10.0.0.254 hard\n');
    await world.output('peer', 'reset', '10.0.0.254', '--soft', 'out');
    await world.output('peer', 'disable', '10.0.0.254', '--message', 'new cable');
    await world.output('peer', 'enable', '10.0.0.254');
    expect(world.daemon.actions).toEqual([
      ['reset', '10.0.0.254', 'hard'],
      ['reset', '10.0.0.254', 'out'],
      ['disable', '10.0.0.254', 'new cable'],
      ['enable', '10.0.0.254'],
    ]);
  });

  it('explains a peer, and exits with 1 where there is none', async () => {
    const text = await world.output('peer', 'explain', '10.0.0.254');
    expect(text).toMatch(/^10\.0\.0\.254: BGPPeer tor-a selects all nodes\.$/m);
    expect(text).toMatch(/Session +Established for 1d02h/);
    expect(text).toMatch(/^node-to-node mesh +no +the mesh is off$/m);
    expect((await world.starling('peer', 'explain', 'nobody')).code).toBe(1);
  });

  it('shows what is held back, and does it only when told to', async () => {
    expect(await world.starling('peer', 'confirm')).toEqual({ code: 0, out: 'Nothing is held back.\n', err: '' });
    const words = 'It is wanted no more, but no session would be left.';
    world.daemon.held = { changes: [{ peer: '10.0.0.254', change: 'removed', words }] };
    const { code, out, err } = await world.starling('peer', 'confirm');
    expect([code, err]).toEqual([1, 'nothing is done without --yes\n']);
    expect(out).toMatch(/^10\.0\.0\.254 +removed +It is wanted no more/m);
    expect(world.daemon.actions).toEqual([]);
    expect(await world.output('peer', 'confirm', '--yes')).toBe('done: confirm\n');
    const postponed = { kind: 'held' as const, change: 'removed' as const, words };
    world.daemon.peerList = [{ ...TOR_A, postponed }];
    expect(await world.output('peer', 'list')).toContain(`Held back: ${words}`);
  });

  it('changes nothing over TCP, and says why', async () => {
    const { code, err } = await world.starling(
      '--host',
      `127.0.0.1:${world.server.port}`,
      'peer',
      'reset',
      '10.0.0.254',
    );
    expect([code, err]).toEqual([1, expect.stringContaining('this address is read-only')]);
    expect(world.daemon.actions).toEqual([]);
  });

  it('lets no peer write to the terminal', async () => {
    world.daemon.peerList = [
      { ...NODE_2, lastError: { ...NODE_2.lastError!, words: 'Cease: "\u001B]0;x\u0007 a\nb\u009b"' } },
    ];
    expect(await world.output('peer', 'list')).toContain('Cease: "\uFFFD]0;x\uFFFD a b\uFFFD"');
  });

  it('takes only intervals of some seconds', async () => {
    const { code, out, err } = await world.starling('peer', 'list', '--watch', '--interval', '0');
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(/--interval takes seconds/)]);
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse as parseYaml } from 'yaml';
import {
  EXPLANATION,
  FakeDaemonView,
  HEALTHY,
  NODE_2,
  TOR_A,
  event,
  route,
  FIB,
} from '../../test/support/fake-daemon-view.ts';
import { startApiServer } from '../api/server.ts';
import type { ApiServer } from '../api/server.ts';
import { run } from './run.ts';

interface Outcome {
  code: number;
  out: string;
  err: string;
}

let directory: string;
let socket: string;
let daemon: FakeDaemonView;
let server: ApiServer;
let abort: AbortController;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'starling-cli-'));
  socket = join(directory, 's');
  daemon = new FakeDaemonView();
  abort = new AbortController();
  const onDefect = (error: unknown) => expect.fail(String(error));
  server = await startApiServer({ daemon, socket, http: { host: '127.0.0.1', port: 0 }, onDefect });
});

afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

/** Runs a command; `onWrite` sees all that it wrote so far. */
async function starlingWith(
  onWrite: (out: string) => void,
  environment: Record<string, string>,
  isTerminal: boolean,
  argv: readonly string[],
): Promise<Outcome> {
  const outcome: Outcome = { code: -1, out: '', err: '' };
  const io = {
    write: async (text: string): Promise<void> => {
      outcome.out += text;
      onWrite(outcome.out);
    },
    writeError: (text: string) => void (outcome.err += text),
    isTerminal,
    environment: { STARLING_API_SOCKET: socket, ...environment },
    signal: abort.signal,
  };
  outcome.code = await run(argv, io);
  return outcome;
}

function starling(...argv: readonly string[]): Promise<Outcome> {
  return starlingWith(() => {}, {}, false, argv);
}

async function output(...argv: readonly string[]): Promise<string> {
  const { code, out, err } = await starling(...argv);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
}

describe('starling node status', () => {
  it('shows the sessions by family, and all of it as JSON', async () => {
    expect(await output('node', 'status')).toContain('IPv6 BGP status');
    const { node, ipv4 } = JSON.parse(await output('node', 'status', '-o', 'json'));
    expect({ node, ipv4 }).toMatchObject({ node: 'node-1', ipv4: [{ address: TOR_A.address, state: 'up' }] });
  });
});

describe('starling status', () => {
  it('is one screen', async () => {
    const out = await output('status');
    expect(out).toContain('node-1  AS 64512, router id 10.0.0.1\n');
    expect(out).toContain('Peers      2 of 2 established\n');
    expect(out).toContain('Nothing is wrong.\n');
    expect(out.split('\n').length).toBeLessThan(24);
  });

  it('gives in JSON and YAML what the daemon said', async () => {
    expect(JSON.parse(await output('status', '-o', 'json'))).toEqual(HEALTHY);
    expect(parseYaml(await output('status', '--output=yaml'))).toEqual(HEALTHY);
  });

  it('says that the daemon does not run, where, and what to do', async () => {
    const { code, err } = await starling('--socket', '/nowhere/s', 'status');
    expect(code).toBe(1);
    expect(err).toMatch(
      /^starling: starlingd does not run, or not with the socket \/nowhere\/s: there is no such socket\n/,
    );
    expect(err).toMatch(/start it with "systemctl start starlingd".*--socket PATH/);
  });

  it('works over TCP', async () => {
    expect(await output('--host', `http://127.0.0.1:${server.port}`, 'status')).toContain('node-1');
    expect(await output('status', '--host', `127.0.0.1:${server.port}`)).toContain('node-1');
    const { code, err } = await starling('--host', 'http://127.0.0.1:1', 'status');
    expect([code, err]).toEqual([
      1,
      expect.stringContaining("can't reach starlingd on http://127.0.0.1:1: connection refused"),
    ]);
  });

  it('colours a terminal, but not against NO_COLOR', async () => {
    const green = '\u001B[32mNothing is wrong.';
    expect((await starlingWith(() => {}, {}, true, ['status'])).out).toContain(green);
    expect((await starlingWith(() => {}, { NO_COLOR: '1' }, true, ['status'])).out).not.toContain('\u001B');
    expect(await output('status')).not.toContain('\u001B');
  });

  it('goes on with --watch, even while the daemon is away, until Ctrl-C', async () => {
    const onWrite = (out: string): void => {
      if (out.includes('starlingd does not run')) abort.abort();
      else if (out.includes('Nothing is wrong')) void server.close();
    };
    const { code, out } = await starlingWith(onWrite, {}, false, ['status', '--watch', '--interval', '0.01']);
    expect([code, out]).toEqual([0, expect.stringMatching(/Nothing is wrong.*starlingd does not run/s)]);
  });
});

describe('starling peer', () => {
  it('lists peers', async () => {
    const [header, first, second] = (await output('peer', 'list')).split('\n');
    expect(header).toMatch(/^PEER +NAME +TYPE +AS +STATE +FOR +RECEIVED +ACCEPTED +ADVERTISED +INFO$/);
    expect(first).toMatch(/^10\.0\.0\.254 +tor-a +global +64601 +Established +1d02h +12 +10 +4$/);
    expect(second).toMatch(/^fe80::2%eth0 +node-2 +mesh +64512 +Active +42s +0 +0 +0 +connection refused$/);
  });

  it('leaves headers out, shows more, and all of it in JSON', async () => {
    expect((await output('peer', 'list', '--no-headers')).startsWith('10.0.0.254')).toBe(true);
    expect(await output('peer', 'list', '-o', 'wide')).toMatch(/12\/10\/4 .*BGPPeer tor-a/);
    expect(JSON.parse(await output('peer', 'list', '-o', 'json'))).toEqual({ peers: [TOR_A, NODE_2] });
  });

  it('exits with 1 unless what is expected is so', async () => {
    const { code, err } = await starling('peer', 'list', '--expect', 'established');
    expect([code, err]).toEqual([1, 'expected: established; but fe80::2%eth0 is Active (connection refused)\n']);
    daemon.peerList = [TOR_A, { ...NODE_2, admin: 'down' }];
    expect((await starling('peer', 'list', '--expect', 'established')).code).toBe(0);
    daemon.peerList = [];
    expect((await starling('peer', 'list', '--expect', 'established')).code).toBe(1);
    expect(await starling('peer', 'list')).toEqual({ code: 0, out: '', err: 'no peers are configured\n' });
  });

  it('shows a peer', async () => {
    expect(await output('peer', 'show', 'fe80::2%eth0')).toContain('connects to [fe80::2%eth0]:179');
    expect(JSON.parse(await output('peer', 'show', '10.0.0.254', '-o', 'json'))).toEqual(TOR_A);
    expect(await starling('peer', 'show', '10.0.0.9')).toMatchObject({
      code: 1,
      err: 'starling: there is no peer 10.0.0.9\n',
    });
  });

  it('resets, disables, enables', async () => {
    expect(await output('peer', 'reset', '10.0.0.254')).toBe('done: reset 10.0.0.254 hard\n');
    await output('peer', 'reset', '10.0.0.254', '--soft', 'out');
    await output('peer', 'disable', '10.0.0.254', '--message', 'new cable');
    await output('peer', 'enable', '10.0.0.254');
    expect(daemon.actions).toEqual([
      ['reset', '10.0.0.254', 'hard'],
      ['reset', '10.0.0.254', 'out'],
      ['disable', '10.0.0.254', 'new cable'],
      ['enable', '10.0.0.254'],
    ]);
  });

  it('explains a peer, and exits with 1 where there is none', async () => {
    const text = await output('peer', 'explain', '10.0.0.254');
    expect(text).toMatch(/^10\.0\.0\.254: BGPPeer tor-a selects all nodes\.$/m);
    expect(text).toMatch(/Session +Established for 1d02h/);
    expect(text).toMatch(/^node-to-node mesh +no +the mesh is off$/m);
    expect((await starling('peer', 'explain', 'nobody')).code).toBe(1);
  });

  it('shows what is held back, and does it only when told to', async () => {
    expect(await starling('peer', 'confirm')).toEqual({ code: 0, out: 'Nothing is held back.\n', err: '' });
    const words = 'It is wanted no more, but no session would be left.';
    daemon.held = { changes: [{ peer: '10.0.0.254', change: 'removed', words }] };
    const { code, out, err } = await starling('peer', 'confirm');
    expect([code, err]).toEqual([1, 'nothing is done without --yes\n']);
    expect(out).toMatch(/^10\.0\.0\.254 +removed +It is wanted no more/m);
    expect(daemon.actions).toEqual([]);
    expect(await output('peer', 'confirm', '--yes')).toBe('done: confirm\n');
    const postponed = { kind: 'held' as const, change: 'removed' as const, words };
    daemon.peerList = [{ ...TOR_A, postponed }];
    expect(await output('peer', 'list')).toContain(`Held back: ${words}`);
  });

  it('changes nothing over TCP, and says why', async () => {
    const { code, err } = await starling('--host', `127.0.0.1:${server.port}`, 'peer', 'reset', '10.0.0.254');
    expect([code, err]).toEqual([1, expect.stringContaining('this address is read-only')]);
    expect(daemon.actions).toEqual([]);
  });

  it('lets no peer write to the terminal', async () => {
    daemon.peerList = [
      { ...NODE_2, lastError: { ...NODE_2.lastError!, words: 'Cease: "\u001B]0;x\u0007 a\nb\u009b"' } },
    ];
    expect(await output('peer', 'list')).toContain('Cease: "\uFFFD]0;x\uFFFD a b\uFFFD"');
  });
});

describe('starling route', () => {
  it('lists routes in order, whatever order the daemon has', async () => {
    daemon.routeList = ['2001:db8::/32', '10.2.0.0/16', '9.0.0.0/8', '10.0.0.0/16', '10.0.0.0/8'].map((prefix) =>
      route(prefix),
    );
    const lines = (await output('route', 'list', '--no-headers')).trimEnd().split('\n');
    expect(lines.map((line) => line.split(/ +/)[1])).toEqual([
      '9.0.0.0/8',
      '10.0.0.0/8',
      '10.0.0.0/16',
      '10.2.0.0/16',
      '2001:db8::/32',
    ]);
  });

  it('asks for what the options say', async () => {
    const asked: [argv: string[], query: object][] = [
      [[], { view: 'best', match: 'exact' }],
      [['--family', 'ipv6'], { view: 'best', family: 1 }],
      [['--peer', '10.0.0.254', '--received'], { view: 'received', peer: '10.0.0.254' }],
      [['--peer', '10.0.0.254', '--advertised'], { view: 'advertised', peer: '10.0.0.254' }],
      [['--rejected'], { view: 'rejected' }],
      [['10.1.0.0/16', '--longer'], { match: 'longer', prefix: { length: 16 } }],
      [['10.1.2.3', '--shorter'], { match: 'shorter', prefix: { length: 32 } }],
    ];
    for (const [argv, query] of asked) {
      daemon.queries.length = 0;
      await starling('route', 'list', ...argv);
      expect(daemon.queries[0]).toMatchObject(query);
    }
  });

  it('streams a table of several pages as one', async () => {
    daemon.sliceSize = 1000;
    daemon.routeList = Array.from({ length: 10_050 }, (_, i) => route(`10.${i >> 8}.${i & 255}.0/24`));
    const table = (await output('route', 'list')).trimEnd().split('\n');
    expect([table.length, table.filter((line) => line.includes('PREFIX')).length]).toEqual([10_051, 1]);
    expect(JSON.parse(await output('route', 'list', '-o', 'json'))).toEqual({ routes: daemon.routeList });
  });

  it('lists in YAML too', async () => {
    expect(parseYaml(await output('route', 'list', '-o', 'yaml'))).toEqual({ routes: daemon.routeList });
  });

  it('says why a route was rejected', async () => {
    daemon.routeList = [route('10.0.0.0/8', { best: false, rejectedReason: 'BGPFilter no-ten, rule 1' })];
    expect(await output('route', 'list', '--rejected')).toMatch(/REJECTED-BY\n.*BGPFilter no-ten, rule 1\n/);
  });

  it('exits with 1 where there is no such route', async () => {
    expect(await starling('route', 'list', '10.99.0.0/16', '-o', 'json')).toEqual({
      code: 1,
      out: '{"routes": [\n\n]}\n',
      err: 'no such routes for 10.99.0.0/16\n',
    });
    daemon.routeList = [];
    expect(await starling('route', 'list', '-o', 'yaml')).toEqual({ code: 0, out: 'routes: []\n', err: 'no routes\n' });
  });

  it('explains', async () => {
    expect(await output('route', 'explain', '10.1.2.3')).toContain(
      '10.1.2.3 is covered by 10.1.2.0/26, which goes via 10.0.0.254.',
    );
    expect(JSON.parse(await output('route', 'explain', '10.1.2.3', '-o', 'json'))).toEqual(EXPLANATION);
    daemon.explanation = {
      query: '10.9.0.0/16',
      match: null,
      candidates: [],
      advertisedTo: [],
      services: [],
      fib: null,
    };
    const { code, out } = await starling('route', 'explain', '10.9.0.0/16');
    expect([code, out]).toEqual([1, 'There is no route to 10.9.0.0/16.\n']);
  });

  it('adds and deletes', async () => {
    const attributes = ['--med', '5', '--local-pref', '200', '--next-hop', '10.0.0.9', '--origin', 'egp'];
    const lists = ['--as-path', '64512 64513', '--community', '64512:1', '--community', 'no-export'];
    await output('route', 'add', '10.9.0.0/16', ...attributes, ...lists, '--large-community', '1:2:3');
    await output('route', 'delete', '10.9.0.0/16');
    const input = {
      prefix: '10.9.0.0/16',
      nextHop: '10.0.0.9',
      origin: 'egp',
      asPath: [64512, 64513],
      med: 5,
      localPref: 200,
      communities: ['64512:1', 'no-export'],
      largeCommunities: ['1:2:3'],
    };
    expect(daemon.actions).toEqual([
      ['add', '10.9.0.0/16', input],
      ['delete', '10.9.0.0/16'],
    ]);
  });
});

describe('starling fib, events, shutdown', () => {
  it('lists kernel routes', async () => {
    const out = await output('fib', 'list');
    expect(out).toMatch(/10\.1\.0\.0\/16 +installed +10\.0\.0\.254 dev eth0, 10\.0\.1\.254 dev eth1\n/);
    expect(out).toMatch(/10\.1\.2\.0\/26 +failed +10\.0\.0\.254 dev eth0 +network is unreachable\n/);
  });

  it('shows what the kernel has beside what it should have', async () => {
    expect(await output('fib', 'list', '-o', 'wide', '--no-headers', '10.1.2.0/26')).toBe(
      '10.1.2.0/26  failed  10.0.0.254 dev eth0  10.0.0.254 dev eth0 weight 1  -  network is unreachable\n',
    );
    expect(await starling('fib', 'list', '10.9.0.0/16')).toMatchObject({ code: 1, out: '' });
  });

  it('says why the kernel has them', async () => {
    expect(await output('fib', 'list', '--why', '10.1.2.0/26')).toBe(`10.1.2.0/26  failed
  chosen by  from 10.0.0.254: best: it is the only path
  rule       programmed as it is: in no pool
  next hops  10.0.0.254: directly connected on eth0
  wanted     10.0.0.254 dev eth0 weight 1
  installed  -
  error      network is unreachable, tried again in 8s
`);
    expect(await output('fib', 'list', '--why')).toMatch(/^10\.1\.0\.0\/16 {2}installed\n[^]*\n\n10\.1\.2\.0\/26 /);
  });

  it('lists differences between the kernel and what it should have', async () => {
    expect(await starling('fib', 'diff')).toMatchObject({
      code: 1,
      out:
        'PREFIX       DIFFERENCE  WANTED                        INSTALLED  ERROR\n' +
        '10.1.2.0/26  failed      10.0.0.254 dev eth0 weight 1  -          network is unreachable, tried again in 8s\n',
    });
    daemon.fibList = FIB.filter(({ difference }) => difference === null);
    expect(await starling('fib', 'diff')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('in sync') });
    const { code, out } = await starling('fib', 'diff', '-o', 'json');
    expect([code, JSON.parse(out)]).toEqual([0, { routes: [] }]);
  });

  it('lists events', async () => {
    const out = await output('events');
    expect(out).toMatch(/^2026-01-02T03:04:06\.000Z {2}session +10\.0\.0\.254 +event 1\n/);
    expect(JSON.parse(await output('events', '-o', 'json'))).toEqual({ events: [event(1), event(2)] });
  });

  it('follows events until Ctrl-C', async () => {
    const onWrite = (out: string): void => {
      if (out.includes('event 3')) abort.abort();
    };
    const following = starlingWith(onWrite, {}, false, ['events', '--follow', '-o', 'json']);
    await vi.waitUntil(() => daemon.listeners.size === 1);
    daemon.emit(event(3));
    const { code, out } = await following;
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([event(1), event(2), event(3)]);
    expect(code).toBe(0);
  });

  it('says so when the daemon goes away while following', async () => {
    const following = starling('events', '--follow');
    await vi.waitUntil(() => daemon.listeners.size === 1);
    await server.close();
    expect(await following).toMatchObject({ code: 1, err: expect.stringContaining(socket) });
  });

  it('stops the daemon', async () => {
    await output('shutdown');
    await output('shutdown', '--for-good');
    expect(daemon.actions).toEqual([
      ['shutdown', false],
      ['shutdown', true],
    ]);
  });
});

describe('wrong values that are found once a daemon is there', () => {
  const wrong: [argv: string[], words: RegExp][] = [
    [['peer', 'list', '--watch', '--interval', '0'], /--interval takes seconds/],
    [['route', 'add', '10.0.0.0/8', '--community', '1:2:3'], /field "communities.0"/],
  ];

  it.each(wrong)('%j', async (argv, words) => {
    const { code, out, err } = await starling(...argv);
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(words)]);
  });
});

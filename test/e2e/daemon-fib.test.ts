/** From the routes that two BIRDs announce to the kernel's, and what remains of them when starlingd stops. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FibEntry, RouteExplanation } from '../../src/api/route-types.ts';
import { start } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, TestNode, bgpPeer, linkAddresses } from './daemon-fixture.ts';

const [FIRST, SECOND] = [linkAddresses(1), linkAddresses(2)];
const PREFIXES = ['10.70.0.0/16', 'fd70::/32'];

/** The kernel's routes for {@link PREFIXES} over the first link, the second, or both. */
const BOTH4 = `${FIRST.theirs}%link1 ${SECOND.theirs}%link2`;
const OVER_BOTH = [`10.70.0.0/16 ${BOTH4}`, `fd70::/32 ${FIRST.theirs6}%link1 ${SECOND.theirs6}%link2`];
const OVER_SECOND = [`10.70.0.0/16 ${SECOND.theirs}%link2`, `fd70::/32 ${SECOND.theirs6}%link2`];

let node: TestNode;
let birds: Bird[] = [];
let daemon: RunningProcess;

interface IpRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly nexthops?: readonly IpRoute[];
}

/** Routes of a protocol, both families, e.g. `10.70.0.0/16 10.91.1.2%link1 10.91.2.2%link2`. */
async function kernelRoutes(protocol: string): Promise<string[]> {
  const families = await Promise.all(
    ['-4', '-6'].map((family) => node.ip<IpRoute>(family, 'route', 'show', 'proto', protocol)),
  );
  return families.flat().map((route) => {
    const hops = (route.nexthops ?? [route]).map(({ gateway, dev }) => `${gateway ?? 'link'}%${dev}`);
    return [route.dst, ...hops.toSorted()].join(' ');
  });
}

async function kernelHas(routes: readonly string[]): Promise<void> {
  const wanted = routes.join('\n');
  await waitFor(async () => (await kernelRoutes('bird')).join('\n'), {
    what: `the kernel to have ${wanted === '' ? 'no routes' : wanted}`,
    accept: (seen) => seen === wanted,
  });
}

/** Records changes of routes until it is disposed of. */
async function monitor(): Promise<RunningProcess> {
  const running = start(['ip', 'monitor', 'route'], { name: 'ip monitor', space: node.namespace });
  let attempt = 0;
  await waitFor(
    async () => {
      const sign = `198.51.100.${++attempt % 250}/32`;
      await node.ip('route', 'add', sign, 'dev', 'lo');
      await node.ip('route', 'delete', sign, 'dev', 'lo');
      return running.output();
    },
    { what: 'ip monitor to report' },
  );
  return running;
}

/** What was deleted of the routes of these tests. */
function deletions(running: RunningProcess): string[] {
  return running.output().match(/^Deleted \S*(?:10\.70|fd70).*$/gm) ?? [];
}

/** What the daemon says is in the kernel, in the form of {@link kernelRoutes}. */
async function fibList(): Promise<string[]> {
  const { out } = await node.starling('fib', 'list', '-o', 'json');
  const { routes } = JSON.parse(out) as { routes: FibEntry[] };
  return routes.map(({ prefix, nextHops }) => [prefix, ...nextHops.map(({ address }) => String(address))].join(' '));
}

async function explained(prefix: string): Promise<RouteExplanation> {
  const { out } = await node.starling('route', 'explain', prefix, '-o', 'json');
  return JSON.parse(out) as RouteExplanation;
}

beforeEach(async (ctx) => {
  requireOrSkip(ctx, DAEMON_NEEDS);
  node = new TestNode();
  birds = [
    await Bird.start(node.addLink(1), 1, 65_001, PREFIXES),
    await Bird.start(node.addLink(2), 2, 65_002, PREFIXES),
  ];
  node.writeBasics();
  node.write('peers.yaml', bgpPeer(1, 65_001), bgpPeer(2, 65_002));
  daemon = await node.startDaemon();
  await node.established(FIRST.theirs, SECOND.theirs);
  await kernelHas(OVER_BOTH);
});
afterEach(async () => {
  if (missingHere(DAEMON_NEEDS) !== undefined) return;
  for (const bird of birds) await bird[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
});

describe('the routes of two peers', () => {
  it('share the traffic, follow the peers that are left, and go with the last one', async () => {
    await node.ip('route', 'add', '10.99.0.0/16', 'via', FIRST.theirs, 'proto', 'static');
    await node.ip('-6', 'route', 'add', 'fd99::/32', 'via', SECOND.theirs6, 'proto', 'static');
    const byHand = await kernelRoutes('static');
    expect(await fibList()).toEqual(OVER_BOTH.map((route) => route.replaceAll(/%\w+/g, '')));
    expect(await explained('10.70.1.1')).toMatchObject({
      match: '10.70.0.0/16',
      candidates: [{ outcome: 'best' }, { outcome: 'multipath' }],
      fib: { installed: [FIRST.theirs, SECOND.theirs] },
    });
    await using changes = await monitor();

    birds[0].process.signal('SIGKILL');
    await kernelHas(OVER_SECOND);
    expect(await fibList()).toEqual(OVER_SECOND.map((route) => route.replaceAll(/%\w+/g, '')));
    expect((await explained('fd70::1')).fib).toMatchObject({ installed: [SECOND.theirs6] });
    // One went in place of the other.
    expect(deletions(changes)).toEqual([]);

    birds[1].process.signal('SIGKILL');
    await kernelHas([]);
    expect(await fibList()).toEqual([]);
    expect(await explained('10.70.1.1')).toMatchObject({ match: null, fib: null });
    expect(await kernelRoutes('static')).toEqual(byHand);
    expect(byHand).toHaveLength(2);
  });

  it('stay in the kernel over a restart, without a gap', async () => {
    // The last peer to come has many routes that nobody else has.
    const many = Array.from({ length: 5000 }, (_, i) => `10.${128 + (i >> 8)}.${i & 255}.0/24`);
    await birds[1].announce(...PREFIXES, ...many);
    const count = async () => (await kernelRoutes('bird')).length;
    await waitFor(count, { what: 'all routes', timeoutMs: 20_000, accept: (routes) => routes === 5002 });
    daemon.signal('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(await count()).toBe(5002);
    await node.startDaemon();
    await waitFor(() => node.log.includes('the kernel has all routes of the first sync'), {
      what: 'the first sync',
      timeoutMs: 20_000,
    });
    expect((await kernelRoutes('bird')).filter((route) => / .* /.test(route))).toEqual(OVER_BOTH);
    expect(await count()).toBe(5002);
    expect(await node.metric('starling_fib_removed_total')).toBe(0);
  });

  it('are swept after a restart if nobody announces them any more', async () => {
    daemon.signal('SIGTERM');
    await daemon.ended;
    for (const bird of birds) await bird.announce('10.71.0.0/16');
    await node.startDaemon();
    await kernelHas([`10.71.0.0/16 ${BOTH4}`]);
    expect(await fibList()).toEqual([`10.71.0.0/16 ${FIRST.theirs} ${SECOND.theirs}`]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['the command', () => node.starling('shutdown', '--for-good')],
    ['SIGINT', async () => daemon.signal('SIGINT')],
  ])('are gone after a shutdown for good, which the peers are told: %s', async (_by, shutDown) => {
    await node.ip('route', 'add', '10.99.0.0/16', 'via', FIRST.theirs, 'proto', 'static');
    await shutDown();
    expect(await daemon.ended).toBe(0);
    expect(await kernelRoutes('bird')).toEqual([]);
    expect(await node.ip('nexthop')).toEqual([]);
    expect(await kernelRoutes('static')).toEqual([`10.99.0.0/16 ${FIRST.theirs}%link1`]);
    for (const bird of birds) {
      await waitFor(() => bird.log, {
        what: 'the reason at the peer',
        accept: (log) => log.includes('Received: Administrative shutdown'),
      });
    }
  });
});

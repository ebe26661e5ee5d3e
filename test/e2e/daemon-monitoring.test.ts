/** What probes and Prometheus see of starlingd over TCP, with a session that dies. */
import { beforeEach, expect, it } from 'vitest';
import { run } from '../support/processes.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, TestNode, bgpPeer, block, linkAddresses } from './daemon-fixture.ts';

const [FIRST, SECOND] = [1, 2].map((number) => linkAddresses(number).theirs);

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Asks over TCP, from inside the node's namespace. */
async function fetchInside(node: TestNode, path: string, method = 'GET'): Promise<Answer> {
  const script = `fetch('http://127.0.0.1:8179${path}', { method: '${method}' })
    .then(async (answer) => console.log(JSON.stringify({ status: answer.status, text: await answer.text() })))`;
  return JSON.parse(await run(['node', '--eval', script], { space: node.namespace })) as Answer;
}

beforeEach((ctx) => requireOrSkip(ctx, DAEMON_NEEDS));

it('tells probes and Prometheus how it is, also when a session dies', async () => {
  await using node = new TestNode();
  await using _first = await Bird.start(node.addLink(1), 1, 65_001, ['10.70.0.0/16', 'fd70::/32']);
  await using second = await Bird.start(node.addLink(2), 2, 65_002, ['10.71.0.0/16', '10.72.0.0/16']);
  node.writeBasics();
  node.write('all.yaml', bgpPeer(1, 65_001), bgpPeer(2, 65_002), block('10.244.1.0/26'));
  await node.startDaemon();
  await node.established(FIRST, SECOND);
  await second.has('10.244.1.0/26');
  const labels = `peer="${SECOND}",route_family="ipv4-unicast"`;
  const settled = async () =>
    (await node.metric('bgp_routes_received', labels)) === 2 && (await node.status()).fib.inSync;
  await waitFor(settled, { what: 'all routes' });

  expect(await fetchInside(node, '/healthz')).toEqual({ status: 200, text: expect.stringContaining('"alive":true') });
  expect(await fetchInside(node, '/readyz?peers=all')).toMatchObject({ status: 200 });
  expect(await fetchInside(node, `/api/v1/peers/${SECOND}/disable`, 'POST')).toMatchObject({
    status: 403,
    text: expect.stringContaining('read-only'),
  });
  const { text } = await fetchInside(node, '/metrics');
  expect(text).toContain(`bgp_peer_state{peer="${SECOND}",session_state="ESTABLISHED",admin_state="UP"} 1\n`);
  expect(text).toContain(`bgp_routes_received{${labels}} 2\n`);
  expect(text).toContain(`bgp_routes_accepted{${labels}} 2\n`);
  expect(text).toContain(`bgp_routes_advertised{${labels}} 1\n`);
  // Four routes, and the blackhole of the block.
  expect(text).toContain('starling_fib_routes_installed 5\n');
  expect(text).toContain('starling_problems 0\n');
  expect(await node.metric('bgp_peer_uptime', `peer="${SECOND}"`)).toBeGreaterThan(0);

  second.process.signal('SIGKILL');
  await waitFor(async () => (await node.status()).fib.installed, {
    what: 'its routes to go',
    accept: (count) => count === 3,
  });
  expect((await fetchInside(node, '/metrics')).text).toMatch(
    new RegExp(`bgp_peer_state\\{peer="${SECOND}",session_state="(?!ESTABLISHED)[A-Z]+",admin_state="UP"\\} 1\n`),
  );
  const dead: [string, string, number][] = [
    ['starling_peer_up', `peer="${SECOND}",type="global"`, 0],
    ['starling_peer_up', `peer="${FIRST}",type="global"`, 1],
    ['bgp_peer_uptime', `peer="${SECOND}"`, 0],
    ['bgp_peer_flop_count', `peer="${SECOND}"`, 1],
    ['bgp_routes_received', labels, 0],
    ['bgp_routes_accepted', labels, 0],
    ['bgp_routes_advertised', labels, 0],
    ['starling_peers_established', '', 1],
    ['starling_problems', '', 1],
    ['starling_fib_routes_installed', '', 3],
    ['starling_fib_removed_total', '', 2],
    ['starling_fib_written_total', '', 5],
  ];
  const seen = await Promise.all(dead.map(([name, of]) => node.metric(name, of)));
  expect(dead.map(([name, of], i) => [name, of, seen[i]])).toEqual(dead);
  expect(await fetchInside(node, '/healthz')).toMatchObject({ status: 200 });
  expect(await fetchInside(node, '/readyz')).toMatchObject({ status: 200 });
  const unready = await fetchInside(node, '/readyz?peers=all');
  expect(unready).toEqual({ status: 503, text: expect.stringContaining('1 of 2 sessions established') });
});

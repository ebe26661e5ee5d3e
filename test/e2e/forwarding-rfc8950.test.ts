/** IPv4 packets over a link that has IPv6 addresses only (RFC 8950): the built FIB, a pod, and a router. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createNamespace } from '../support/namespaces.ts';
import { Ping } from '../support/ping.ts';
import { start } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import { requireOrSkip } from '../support/skip.ts';
import { TestNode, linkAddresses } from './daemon-fixture.ts';
import { BLOCKS, connectPod, shell } from './pod-fixture.ts';

/** A FIB that sends 10.70.0.0/16 to an IPv6 address, or to several. */
function fibScript(dist: string, ...addresses: string[]): string {
  const hops = addresses.map((address) => ({ address, weight: 1 }));
  return `
    const { Fib } = await import(${JSON.stringify(join(dist, 'fib/fib.js'))});
    const handler = new Proxy({}, { get: () => () => {} });
    const fib = new Fib({ table: 254, protocol: 12, maxPaths: 16 }, handler);
    await fib.start();
    fib.defineGroup(4, ${JSON.stringify(hops)});
    fib.set(0, 0x0a460000, 0, 0, 0, 16, 4);
    fib.flush();`;
}

it('IPv4 packets go over routers that have IPv6 addresses only', async (ctx) => {
  requireOrSkip(ctx, { root: true, programs: ['ip', 'nsenter', 'setpriv', 'ping'] });
  await using node = new TestNode();
  using pod = createNamespace('pod');
  await connectPod(node, pod);
  for (const number of [1, 2]) {
    const router = node.addLink(number);
    await shell(node.namespace, `ip -4 address flush dev link${number}`);
    await shell(
      router,
      'ip -4 address flush dev eth0',
      'ip address add 10.70.0.1/32 dev lo',
      'ip address add 10.70.0.2/32 dev lo',
      `ip route add ${BLOCKS[0]} via inet6 ${linkAddresses(number).ours6} dev eth0`,
    );
  }
  const hops = [1, 2].map((number) => linkAddresses(number).theirs6);
  using scratch = createScratch('fib');
  const script = scratch.write('fib.mjs', fibScript(node.dist, ...hops));
  await using _fib = start(['node', script], { name: 'fib', space: node.namespace });
  await using ping = new Ping(pod, '10.70.0.1', { rate: 200 });
  await ping.answers(100);
  ping.restart();
  await ping.answers(100);
  expect(ping.count().lost).toBe(0);
  const routes = await shell(node.namespace, 'ip route show 10.70.0.0/16', 'ip nexthop show');
  for (const hop of hops) expect(routes).toContain(hop);
});

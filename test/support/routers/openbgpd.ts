/** OpenBGPD as a peer. */
import { chmodSync, mkdirSync } from 'node:fs';

import { createScratch } from '../scratch.ts';
import { run, start, waitUntilReady } from '../processes.ts';
import type { NeighbourConfig, Router, RouterConfig, RouterPlace } from './router.ts';

function neighbourBlock(config: RouterConfig, neighbour: NeighbourConfig): string {
  const { address, address6 } = neighbour.local ?? config;
  const local = neighbour.address.includes(':') ? address6 : address;
  const lines = [
    `remote-as ${neighbour.asn}`,
    `descr "n${neighbour.address}"`,
    `local-address ${local}`,
    'enforce neighbor-as no',
  ];
  for (const family of ['ipv4', 'ipv6'] as const)
    lines.push(`announce ${family.replace('ip', 'IP')} ${neighbour.families.includes(family) ? 'unicast' : 'none'}`);
  if (neighbour.passive === true) lines.push('passive');
  if (neighbour.password !== undefined) lines.push(`tcp md5sig password "${neighbour.password}"`);
  if (neighbour.ttlSecurity === true) lines.push('ttl-security yes');
  if (neighbour.holdTime !== undefined) lines.push(`holdtime ${neighbour.holdTime}`, 'holdtime min 3');
  if (neighbour.client === true) lines.push('route-reflector');
  // Only to a neighbour that may be several hops away it announces a next hop that is not on the session's subnet.
  if (hasForeignFamily(neighbour)) lines.push('multihop 2');
  if (neighbour.nextHopSelf === true) lines.push('set nexthop self');
  return `neighbor ${neighbour.address} {\n  ${lines.join('\n  ')}\n}`;
}

/** Whether the session carries IPv6 over IPv4. */
function hasForeignFamily({ address, families }: NeighbourConfig): boolean {
  return families.includes('ipv6') && !address.includes(':');
}

function configuration(config: RouterConfig, socket: string): string {
  const port = config.port === undefined ? '' : ` port ${config.port}`;
  return [
    `AS ${config.asn}`,
    `router-id ${config.routerId}`,
    `listen on 0.0.0.0${port}`,
    `listen on ::${port}`,
    `socket "${socket}"`,
    'fib-update no',
    'connect-retry 2',
    ...config.neighbours.map((neighbour) => neighbourBlock(config, neighbour)),
    'allow from any',
    'allow to any',
    // In a session over IPv4 it does not find out its own IPv6 address, so that all IPv6 routes get this next hop.
    ...(config.address6 === undefined
      ? []
      : [`match from any inet6 set nexthop ${config.address6}`, 'match to any inet6 set nexthop no-modify']),
    '',
  ].join('\n');
}

/** Starts OpenBGPD with a configuration made from `config`. */
export async function startOpenbgpd(config: RouterConfig, place: RouterPlace): Promise<Router> {
  const scratch = createScratch('openbgpd');
  const socket = `${scratch.path}/bgpd.sock`;
  const file = scratch.write('bgpd.conf', configuration(config, socket));
  // It refuses a configuration that others can write or, as it may hold passwords, read.
  chmodSync(file, 0o600);
  // Its unprivileged processes are locked in here; where no service manager runs, nobody has made it.
  mkdirSync('/run/openbgpd', { recursive: true });
  const process_ = start(['/usr/sbin/bgpd', '-d', '-f', file], {
    name: 'openbgpd',
    space: place.namespace,
    cpu: place.cpu,
  });
  const bgpctl = (...words: string[]) => run(['bgpctl', '-s', socket, ...words]);
  await waitUntilReady(process_, () => bgpctl('show', 'summary'));
  const neighbour =
    (...words: string[]) =>
    async (address: string) =>
      void (await bgpctl('neighbor', address, ...words));
  return {
    kind: 'openbgpd',
    process: process_,
    freeze: process_.freeze,
    thaw: process_.thaw,
    async neighbour(address) {
      const text = await bgpctl('show', 'neighbor', address);
      const [, state = 'unknown'] = /BGP state = (\w+)/.exec(text) ?? [];
      return { established: state === 'Established', state, text: text + process_.output() };
    },
    refreshIn: neighbour('refresh'),
    // It has no command for this alone.
    refreshOut: neighbour('clear'),
    async shutDown(address, message) {
      await bgpctl('neighbor', address, 'down', message);
    },
    enable: neighbour('up'),
    async [Symbol.asyncDispose]() {
      await process_.stop();
      scratch[Symbol.dispose]();
    },
  };
}

/** FRR's bgpd as a peer, alone or with zebra. */
import { access } from 'node:fs/promises';

import type { FamilyName } from '../bgp/messages.ts';
import { createScratch } from '../scratch.ts';
import type { Scratch } from '../scratch.ts';
import { run, start, waitUntilReady } from '../processes.ts';
import type { RunningProcess } from '../processes.ts';
import type { NeighbourConfig, Router, RouterConfig, RouterPlace } from './router.ts';

function neighbourLines(neighbour: NeighbourConfig): string[] {
  const { address } = neighbour;
  const lines = [`neighbor ${address} remote-as ${neighbour.asn}`, `neighbor ${address} timers connect 1`];
  if (neighbour.passive === true) lines.push(`neighbor ${address} passive`);
  if (neighbour.password !== undefined) lines.push(`neighbor ${address} password ${neighbour.password}`);
  if (neighbour.ttlSecurity === true) lines.push(`neighbor ${address} ttl-security hops 1`);
  if (neighbour.holdTime !== undefined)
    lines.push(`neighbor ${address} timers ${Math.max(1, Math.floor(neighbour.holdTime / 3))} ${neighbour.holdTime}`);
  return lines;
}

function familyLines(config: RouterConfig, family: FamilyName): string[] {
  const neighbours = config.neighbours.filter(({ families }) => families.includes(family));
  const lines = neighbours.flatMap(({ address, client, nextHopSelf, silent, addPaths }) => {
    const one = [`neighbor ${address} activate`];
    if (client === true) one.push(`neighbor ${address} route-reflector-client`);
    if (addPaths === true) one.push(`neighbor ${address} addpath-tx-all-paths`);
    if (nextHopSelf === true) one.push(`neighbor ${address} next-hop-self`);
    if (silent === true) one.push(`neighbor ${address} route-map nothing out`);
    return one;
  });
  return [`address-family ${family} unicast`, ...lines, 'exit-address-family'];
}

function restartLines({ neighbours }: RouterConfig): string[] {
  const time = neighbours.find(({ restartTime }) => restartTime !== undefined)?.restartTime;
  if (time === undefined) return [];
  const word = 'bgp graceful-restart';
  return [word, `${word} restart-time ${time}`, `${word} preserve-fw-state`];
}

function configuration(config: RouterConfig): string {
  return [
    'log stdout informational',
    'route-map nothing deny 1',
    'exit',
    `router bgp ${config.asn}`,
    `bgp router-id ${config.routerId}`,
    ...(config.clusterId === undefined ? [] : [`bgp cluster-id ${config.clusterId}`]),
    'no bgp default ipv4-unicast',
    'no bgp ebgp-requires-policy',
    'no bgp network import-check',
    'bgp log-neighbor-changes',
    'timers bgp 30 90',
    ...restartLines(config),
    ...config.neighbours.flatMap(neighbourLines),
    ...familyLines(config, 'ipv4'),
    ...familyLines(config, 'ipv6'),
    'exit',
    '',
  ].join('\n');
}

/** Starts bgpd; without `config.kernel` alone: it believes every next hop, knows no interfaces and touches no kernel table. */
export function startFrr(config: RouterConfig, place: RouterPlace): Promise<Router> {
  if (config.kernel === true) return startFrrWithZebra(config, place);
  return startBgpd(config, place, createScratch('frr'), undefined);
}

/** Starts bgpd and zebra: bgpd knows its interfaces, so that it can give IPv6 next hops in a session over IPv4. */
export async function startFrrWithZebra(config: RouterConfig, place: RouterPlace): Promise<Router> {
  const scratch = createScratch('frr');
  const directory = scratch.path;
  const file = scratch.write('zebra.conf', 'log stdout informational\n');
  // zebra drops root's rights; its sockets must be where it may write.
  await run(['chown', 'frr:frr', directory]);
  const zebra = start(
    [
      '/usr/lib/frr/zebra',
      // Without it, it deletes an IPv6 route and adds it anew where the route's next hops change: what comes meanwhile is lost.
      '--v6-rr-semantics',
      `--config_file=${file}`,
      `--pid_file=${directory}/zebra.pid`,
      `--vty_socket=${directory}`,
      '--vty_port=0',
      `--socket=${directory}/zserv.api`,
    ],
    { name: 'frr zebra', space: place.namespace, cpu: place.cpu },
  );
  await waitUntilReady(zebra, () => access(`${directory}/zserv.api`));
  return startBgpd(config, place, scratch, zebra);
}

async function startBgpd(
  config: RouterConfig,
  place: RouterPlace,
  scratch: Scratch,
  zebra: RunningProcess | undefined,
): Promise<Router> {
  const directory = scratch.path;
  const file = scratch.write('bgpd.conf', configuration(config));
  scratch.write('vtysh.conf', '');
  const process_ = start(
    [
      '/usr/lib/frr/bgpd',
      '--skip_runas',
      zebra === undefined ? '--no_zebra' : `--socket=${directory}/zserv.api`,
      `--config_file=${file}`,
      `--pid_file=${directory}/bgpd.pid`,
      `--vty_socket=${directory}`,
      '--vty_port=0',
      `--bgp_port=${config.port ?? 179}`,
    ],
    { name: 'frr bgpd', space: place.namespace, cpu: place.cpu },
  );
  const vtysh = (...commands: string[]) =>
    run([
      'vtysh',
      '-d',
      'bgpd',
      '--vty_socket',
      directory,
      '--config_dir',
      directory,
      ...commands.flatMap((line) => ['-c', line]),
    ]);
  await waitUntilReady(process_, () => vtysh('show bgp summary json'));
  const configure = (...lines: string[]) => vtysh('configure terminal', `router bgp ${config.asn}`, ...lines);
  return {
    kind: 'frr',
    process: process_,
    ...(zebra === undefined ? {} : { companions: [zebra] }),
    freeze: process_.freeze,
    thaw: process_.thaw,
    async neighbour(address) {
      const text = await vtysh(`show bgp neighbors ${address} json`);
      const view = (JSON.parse(text) as Record<string, { bgpState?: string }>)[address];
      const state = view?.bgpState ?? 'unknown';
      return { established: state === 'Established', state, text: text + process_.output() };
    },
    paths: (prefix) => vtysh(`show bgp ${prefix.includes(':') ? 'ipv6' : 'ipv4'} unicast ${prefix}`),
    async refreshIn(address) {
      await vtysh(`clear bgp ${address} soft in`);
    },
    async refreshOut(address) {
      await vtysh(`clear bgp ${address} soft out`);
    },
    async shutDown(address, message) {
      await configure(`neighbor ${address} shutdown message ${message}`);
    },
    async enable(address) {
      await configure(`no neighbor ${address} shutdown`);
    },
    async [Symbol.asyncDispose]() {
      await process_.stop();
      await zebra?.stop();
      scratch[Symbol.dispose]();
    },
  };
}

/** FRR's bgpd as a peer, alone: without zebra it believes every next hop and touches no kernel table. */
import type { FamilyName } from '../bgp/messages.ts';
import { createScratch } from '../scratch.ts';
import { run, start, waitUntilReady } from '../processes.ts';
import type { NeighbourConfig, Router, RouterConfig, RouterPlace } from './router.ts';

function neighbourLines(neighbour: NeighbourConfig): string[] {
  const { address } = neighbour;
  const lines = [`neighbor ${address} remote-as ${neighbour.asn}`, `neighbor ${address} timers connect 1`];
  if (neighbour.passive === true) lines.push(`neighbor ${address} passive`);
  if (neighbour.password !== undefined) lines.push(`neighbor ${address} password ${neighbour.password}`);
  if (neighbour.ttlSecurity === true) lines.push(`neighbor ${address} ttl-security hops 1`);
  if (neighbour.port !== undefined) lines.push(`neighbor ${address} port ${neighbour.port}`);
  if (neighbour.holdTime !== undefined)
    lines.push(`neighbor ${address} timers ${Math.max(1, Math.floor(neighbour.holdTime / 3))} ${neighbour.holdTime}`);
  return lines;
}

function familyLines(config: RouterConfig, family: FamilyName): string[] {
  const neighbours = config.neighbours.filter(({ families }) => families.includes(family));
  const lines = neighbours.flatMap(({ address, client }) => {
    const one = [`neighbor ${address} activate`];
    if (client === true) one.push(`neighbor ${address} route-reflector-client`);
    // Without zebra bgpd does not know its interface's IPv6 address, the next hop for IPv6 in a session over IPv4.
    if (family === 'ipv6') one.push(`neighbor ${address} route-map NH6 out`);
    return one;
  });
  return [`address-family ${family} unicast`, ...lines, 'exit-address-family'];
}

function configuration(config: RouterConfig): string {
  return [
    'log stdout informational',
    `router bgp ${config.asn}`,
    `bgp router-id ${config.routerId}`,
    'no bgp default ipv4-unicast',
    'no bgp ebgp-requires-policy',
    'no bgp network import-check',
    'bgp log-neighbor-changes',
    'timers bgp 30 90',
    ...config.neighbours.flatMap(neighbourLines),
    ...familyLines(config, 'ipv4'),
    ...familyLines(config, 'ipv6'),
    'exit',
    'route-map NH6 permit 10',
    ...(config.address6 === undefined ? [] : [`set ipv6 next-hop global ${config.address6}`]),
    'exit',
    '',
  ].join('\n');
}

/** Starts FRR's bgpd with a configuration made from `config`. */
export async function startFrr(config: RouterConfig, place: RouterPlace): Promise<Router> {
  const scratch = createScratch('frr');
  const directory = scratch.path;
  const file = scratch.write('bgpd.conf', configuration(config));
  scratch.write('vtysh.conf', '');
  const process_ = start(
    [
      '/usr/lib/frr/bgpd',
      '-ZS',
      `--config_file=${file}`,
      `--pid_file=${directory}/bgpd.pid`,
      `--vty_socket=${directory}`,
      '--vty_port=0',
      `--bgp_port=${config.port ?? 179}`,
    ],
    { name: 'frr bgpd', space: place.namespace, ...(place.cpu === undefined ? {} : { cpu: place.cpu }) },
  );
  const vtysh = (...commands: string[]) =>
    run(['vtysh', '--vty_socket', directory, '--config_dir', directory, ...commands.flatMap((line) => ['-c', line])]);
  await waitUntilReady(process_, () => vtysh('show bgp summary json'));
  const configure = (...lines: string[]) => vtysh('configure terminal', `router bgp ${config.asn}`, ...lines);
  return {
    kind: 'frr',
    process: process_,
    async neighbour(address) {
      const text = await vtysh(`show bgp neighbors ${address} json`);
      const view = (JSON.parse(text) as Record<string, { bgpState?: string }>)[address];
      const state = view?.bgpState ?? 'unknown';
      return { established: state === 'Established', state, text: text + process_.output() };
    },
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
      scratch[Symbol.dispose]();
    },
  };
}

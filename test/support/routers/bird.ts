/** BIRD 2 as a peer. */
import { createScratch } from '../scratch.ts';
import { run, start, waitUntilReady } from '../processes.ts';
import type { NeighbourConfig, Router, RouterConfig, RouterPlace } from './router.ts';

function protocolName(address: string): string {
  return `n_${address.replaceAll(/[.:]/g, '_')}`;
}

function protocol(config: RouterConfig, neighbour: NeighbourConfig): string {
  const { address, address6 } = neighbour.local ?? config;
  const local = neighbour.address.includes(':') ? address6 : address;
  const lines = [
    `local ${local} ${config.port === undefined ? '' : `port ${config.port} `}as ${config.asn};`,
    `neighbor ${neighbour.address} as ${neighbour.asn};`,
    'direct;',
    'connect delay time 1;',
    'connect retry time 2;',
    'error wait time 1, 2;',
    'error forget time 1;',
  ];
  if (neighbour.passive === true) lines.push('passive on;');
  if (neighbour.password !== undefined) lines.push(`password "${neighbour.password}";`);
  if (neighbour.ttlSecurity === true) lines.push('ttl security on;');
  if (neighbour.holdTime !== undefined) lines.push(`hold time ${neighbour.holdTime};`);
  if (neighbour.client === true) lines.push('rr client;');
  if (config.clusterId !== undefined && neighbour.asn === config.asn) lines.push(`rr cluster id ${config.clusterId};`);
  const { restartTime } = neighbour;
  if (restartTime !== undefined) lines.push('graceful restart on;', `graceful restart time ${restartTime};`);
  const self = neighbour.nextHopSelf === true ? 'next hop self;' : '';
  const paths = neighbour.addPaths === true ? 'add paths on;' : '';
  const exported = neighbour.silent === true ? 'none' : 'all';
  if (neighbour.families.includes('ipv4')) lines.push(`ipv4 { import all; export ${exported}; ${self} ${paths} };`);
  // In a session over IPv4 the own IPv6 address has to be given.
  const self6 = `${self} next hop address ${address6};`;
  if (neighbour.families.includes('ipv6')) lines.push(`ipv6 { import all; export ${exported}; ${self6} ${paths} };`);
  return `protocol bgp ${protocolName(neighbour.address)} {\n  ${lines.join('\n  ')}\n}`;
}

function kernelProtocol(family: string): string {
  return `protocol kernel { ${family} { import none; export where source = RTS_BGP; }; merge paths on; }`;
}

function configuration(config: RouterConfig): string {
  return [
    `router id ${config.routerId};`,
    'log stderr { info, remote, warning, error, auth, fatal, bug, trace };',
    'protocol device {}',
    ...(config.kernel === true ? ['ipv4', 'ipv6'].map(kernelProtocol) : []),
    ...config.neighbours.map((neighbour) => protocol(config, neighbour)),
    '',
  ].join('\n');
}

/** Starts BIRD with a configuration made from `config`. */
export async function startBird(config: RouterConfig, place: RouterPlace): Promise<Router> {
  const scratch = createScratch('bird');
  const control = `${scratch.path}/ctl`;
  const file = scratch.write('bird.conf', configuration(config));
  const process_ = start(['bird', '-f', ...(config.restarted === true ? ['-R'] : []), '-c', file, '-s', control], {
    name: 'bird',
    space: place.namespace,
    cpu: place.cpu,
  });
  const birdc = (...words: string[]) => run(['birdc', '-s', control, ...words]);
  await waitUntilReady(process_, () => birdc('show', 'status'));
  const command =
    (...words: string[]) =>
    async (address: string) =>
      void (await birdc(...words, protocolName(address)));
  return {
    kind: 'bird',
    process: process_,
    freeze: process_.freeze,
    thaw: process_.thaw,
    async neighbour(address) {
      const text = await birdc('show', 'protocols', 'all', protocolName(address));
      const [, state = 'unknown'] = /BGP state:\s+(\S+)/.exec(text) ?? [];
      return { established: state === 'Established', state, text: text + process_.output() };
    },
    // It fails where there is no route.
    paths: (prefix) => birdc('show', 'route', prefix, 'all').catch(String),
    refreshIn: command('reload', 'in'),
    refreshOut: command('reload', 'out'),
    async shutDown(address, message) {
      await birdc('disable', protocolName(address), `"${message}"`);
    },
    enable: command('enable'),
    async [Symbol.asyncDispose]() {
      await process_.stop();
      scratch[Symbol.dispose]();
    },
  };
}

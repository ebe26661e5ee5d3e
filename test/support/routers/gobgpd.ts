/** GoBGP as a peer. */
import { createScratch } from '../scratch.ts';
import { run, start, waitUntilReady } from '../processes.ts';
import type { NeighbourConfig, Router, RouterConfig, RouterPlace } from './router.ts';

function neighbourTables(neighbour: NeighbourConfig, clusterId: string): string[] {
  const lines = [
    '[[neighbors]]',
    '[neighbors.config]',
    `neighbor-address = "${neighbour.address}"`,
    `peer-as = ${neighbour.asn}`,
    ...(neighbour.password === undefined ? [] : [`auth-password = "${neighbour.password}"`]),
    '[neighbors.timers.config]',
    'connect-retry = 2',
    'idle-hold-time-after-reset = 2',
    ...(neighbour.holdTime === undefined
      ? []
      : [
          `hold-time = ${neighbour.holdTime}`,
          `keepalive-interval = ${Math.max(1, Math.floor(neighbour.holdTime / 3))}`,
        ]),
    '[neighbors.transport.config]',
    `passive-mode = ${neighbour.passive === true}`,
    ...(neighbour.ttlSecurity === true ? ['[neighbors.ttl-security.config]', 'enabled = true', 'ttl-min = 255'] : []),
  ];
  if (neighbour.client === true)
    lines.push(
      '[neighbors.route-reflector.config]',
      'route-reflector-client = true',
      `route-reflector-cluster-id = "${clusterId}"`,
    );
  const { restartTime } = neighbour;
  if (restartTime !== undefined)
    lines.push('[neighbors.graceful-restart.config]', 'enabled = true', `restart-time = ${restartTime}`);
  for (const family of neighbour.families) {
    lines.push('[[neighbors.afi-safis]]', '[neighbors.afi-safis.config]', `afi-safi-name = "${family}-unicast"`);
    if (neighbour.addPaths === true)
      lines.push('[neighbors.afi-safis.add-paths.config]', 'receive = true', 'send-max = 8');
    if (restartTime !== undefined) lines.push('[neighbors.afi-safis.mp-graceful-restart.config]', 'enabled = true');
  }
  return lines;
}

function configuration(config: RouterConfig): string {
  return [
    '[global.config]',
    `as = ${config.asn}`,
    `router-id = "${config.routerId}"`,
    `port = ${config.port ?? 179}`,
    ...config.neighbours.flatMap((one) => neighbourTables(one, config.clusterId ?? config.routerId)),
    '',
  ].join('\n');
}

/** Starts gobgpd with a configuration made from `config`. */
export async function startGobgpd(config: RouterConfig, place: RouterPlace): Promise<Router> {
  const scratch = createScratch('gobgpd');
  const file = scratch.write('gobgpd.toml', configuration(config));
  const restart = config.restarted === true ? ['--graceful-restart'] : [];
  const process_ = start(['gobgpd', '-f', file, '--api-hosts', '127.0.0.1:50051', '--pprof-disable', ...restart], {
    name: 'gobgpd',
    space: place.namespace,
    cpu: place.cpu,
  });
  const gobgp = (...words: string[]) => run(['gobgp', ...words], { space: place.namespace });
  await waitUntilReady(process_, () => gobgp('global'));
  const neighbour =
    (...words: string[]) =>
    async (address: string) =>
      void (await gobgp('neighbor', address, ...words));
  return {
    kind: 'gobgpd',
    process: process_,
    freeze: process_.freeze,
    thaw: process_.thaw,
    async neighbour(address) {
      const text = await gobgp('neighbor', address);
      const [, state = 'unknown'] = /BGP state = (\w+)/.exec(text) ?? [];
      return { established: state === 'ESTABLISHED', state, text: text + process_.output() };
    },
    paths: (prefix) => gobgp('global', 'rib', prefix, '-a', prefix.includes(':') ? 'ipv6' : 'ipv4'),
    refreshIn: neighbour('softresetin'),
    refreshOut: neighbour('softresetout'),
    async shutDown(address, message) {
      // `disable` would not send the message.
      await gobgp('neighbor', address, 'shutdown', '--reason', message);
    },
    enable: neighbour('enable'),
    async [Symbol.asyncDispose]() {
      await process_.stop();
      scratch[Symbol.dispose]();
    },
  };
}

/**
 * ExaBGP as a peer. It has no tables and forwards nothing: its API stands for the neighbour behind it, see
 * {@link ExabgpRouter.behind}.
 */
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

import type { PathAttributes } from '../bgp/attributes.ts';
import type { TestNeighbour, TestRoute } from '../neighbour.ts';
import { createScratch } from '../scratch.ts';
import { start, waitUntilReady } from '../processes.ts';
import type { RunningProcess } from '../processes.ts';
import type { NeighbourConfig, Router, RouterConfig, RouterPlace } from './router.ts';

/** The program ExaBGP runs for its API: joins its standard input and output to a Unix socket. */
const RELAY = `
const socket = require('node:net').connect(process.argv[2]);
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('close', () => process.exit());
socket.on('error', () => process.exit());
`;

function configuration(config: RouterConfig, neighbour: NeighbourConfig, relay: string): string {
  const families = neighbour.families.map((family) => `${family} unicast;`).join(' ');
  return `
process api { run ${process.execPath} ${relay}; encoder json; }
neighbor ${neighbour.address} {
  router-id ${config.routerId};
  local-address ${config.address};
  local-as ${config.asn};
  peer-as ${neighbour.asn};
  hold-time ${neighbour.holdTime ?? 90};
  ${neighbour.passive === true ? 'passive true;' : ''}
  family { ${families} }
  capability { asn4 enable; route-refresh enable; }
  api { processes [ api ]; neighbor-changes; receive { parsed; update; } }
}
`;
}

/** Path attributes in ExaBGP's JSON. */
interface ApiAttributes {
  readonly origin?: string;
  readonly 'as-path'?: readonly number[];
  readonly 'atomic-aggregate'?: boolean;
  readonly aggregator?: string;
  readonly community?: readonly (readonly number[])[];
  readonly 'extended-community'?: readonly { readonly value: number }[];
  readonly 'large-community'?: readonly (readonly number[])[];
}

/** What ExaBGP's API tells, as far as it is looked at. */
interface ApiMessage {
  readonly type?: string;
  readonly neighbor?: {
    readonly state?: string;
    readonly message?: {
      readonly update?: {
        readonly attribute?: ApiAttributes;
        /** By family, then by next hop. */
        readonly announce?: Record<string, Record<string, readonly { readonly nlri: string }[]>>;
        readonly withdraw?: Record<string, readonly { readonly nlri: string }[]>;
      };
    };
  };
}

const ORIGINS = ['igp', 'egp', 'incomplete'];

/** What it tells of a route's attributes; LOCAL_PREF and MED are left out, as they stay behind on the way to another AS. */
function attributesOf(told: ApiAttributes): PathAttributes {
  const joined = (values: readonly (readonly number[])[]) => values.map((value) => value.join(':'));
  const { origin = '', aggregator, community } = told;
  const [asn, address] = aggregator?.split(':') ?? [];
  const extended = told['extended-community']?.map(({ value }) => value.toString(16).padStart(16, '0'));
  const large = told['large-community'];
  return {
    origin: ORIGINS.indexOf(origin),
    asPath: told['as-path'] ?? [],
    ...(told['atomic-aggregate'] === true ? { atomicAggregate: true } : {}),
    ...(aggregator === undefined ? {} : { aggregator: { asn: Number(asn), address } }),
    ...(community === undefined ? {} : { communities: joined(community) }),
    ...(extended === undefined ? {} : { extendedCommunities: extended }),
    ...(large === undefined ? {} : { largeCommunities: joined(large) }),
    ...unknownAttributes(told),
  };
}

/** Attributes it does not know appear as `"attribute-0xD5-0xE0": "0xc0ffee"`: code, flags, value. */
function unknownAttributes(told: ApiAttributes): Pick<PathAttributes, 'others'> {
  const others = Object.entries(told).flatMap(([key, value]) => {
    const [, code, flags] = /^attribute-0x(\w+)-0x(\w+)$/.exec(key) ?? [];
    if (code === undefined) return [];
    return [{ flags: Number.parseInt(flags, 16), code: Number.parseInt(code, 16), value: String(value).slice(2) }];
  });
  return others.length === 0 ? {} : { others };
}

/** ExaBGP's end of its API. */
class Api {
  readonly routes = new Map<string, PathAttributes>();
  state = 'down';
  private readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    createInterface({ input: socket }).on('line', (line) => {
      // The last line may be cut off; reasons may hold control characters, which JSON forbids.
      if (/^{.*}$/.test(line)) this.hear(JSON.parse(line.replaceAll(/\p{Cc}/gu, ' ')) as ApiMessage);
    });
    socket.on('error', () => undefined);
  }

  command(...lines: readonly string[]): void {
    this.socket.write(lines.map((line) => `${line}\n`).join(''));
  }

  private hear({ type, neighbor }: ApiMessage): void {
    if (type === 'state') {
      this.state = neighbor?.state ?? 'unknown';
      if (this.state !== 'up') this.routes.clear();
    }
    const { attribute = {}, announce = {}, withdraw = {} } = neighbor?.message?.update ?? {};
    for (const { nlri } of Object.values(withdraw).flat()) this.routes.delete(nlri);
    const announced = Object.values(announce).flatMap((byNextHop) => Object.values(byNextHop).flat());
    for (const { nlri } of announced) this.routes.set(nlri, attributesOf(attribute));
  }
}

/** The command that announces a route. */
function announcement({ prefix, attributes }: TestRoute, nextHop: string, pathStart: readonly number[]): string {
  const { origin = 0, asPath = [], med, communities, largeCommunities, extendedCommunities, aggregator } = attributes;
  const list = (name: string, values: readonly string[] | undefined) =>
    values === undefined ? [] : [`${name} [ ${values.join(' ')} ]`];
  const others = attributes.others ?? [];
  return [
    `announce route ${prefix} next-hop ${nextHop} origin ${ORIGINS[origin]}`,
    `as-path [ ${[...pathStart, ...asPath].join(' ')} ]`,
    ...(med === undefined ? [] : [`med ${med}`]),
    ...(attributes.atomicAggregate === true ? ['atomic-aggregate'] : []),
    ...(aggregator === undefined ? [] : [`aggregator ( ${aggregator.asn}:${aggregator.address} )`]),
    ...list('community', communities),
    ...list('large-community', largeCommunities),
    ...list(
      'extended-community',
      extendedCommunities?.map((community) => `0x${community}`),
    ),
    ...others.map(
      ({ flags, code, value }) => `attribute [ 0x${code.toString(16)} 0x${flags.toString(16)} 0x${value} ]`,
    ),
  ].join(' ');
}

/** ExaBGP, with the neighbour that its API stands for. */
export interface ExabgpRouter extends Router {
  /**
   * The neighbour behind ExaBGP as a router would have it: its routes go out with ExaBGP's AS and next hop, and what it
   * hears has ExaBGP's AS in front and `nextHops` (IPv4, IPv6).
   */
  behind(nextHops: readonly [string, string]): TestNeighbour;
}

/** Starts ExaBGP with the first neighbour of `config`. */
export async function startExabgp(config: RouterConfig, place: RouterPlace): Promise<ExabgpRouter> {
  const scratch = createScratch('exabgp');
  const [neighbour] = config.neighbours;
  const socketPath = `${scratch.path}/api.sock`;
  const relay = `${scratch.write('relay.cjs', RELAY)} ${socketPath}`;
  const file = scratch.write('exabgp.conf', configuration(config, neighbour, relay));
  const server = createServer();
  const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const process_ = start(['exabgp', file], {
    space: place.namespace,
    environment: {
      exabgp_daemon_user: 'root',
      exabgp_api_cli: 'false',
      exabgp_api_ack: 'false',
      // Each command would be logged.
      exabgp_log_processes: 'false',
      ...(neighbour.passive === true ? { exabgp_tcp_bind: config.address } : {}),
    },
  });
  const api = await apiOf(process_, connected);
  const external = neighbour.asn !== config.asn;
  return {
    kind: 'exabgp',
    process: process_,
    freeze: process_.freeze,
    thaw: process_.thaw,
    neighbour: () =>
      Promise.resolve({
        established: api.state === 'up',
        state: api.state === 'up' ? 'established' : api.state,
        text: process_.output(),
      }),
    async refreshIn() {
      for (const family of neighbour.families) api.command(`announce route-refresh ${family} unicast`);
    },
    async refreshOut() {
      api.command('flush adj-rib out');
    },
    async shutDown() {
      api.command(`neighbor ${neighbour.address} teardown 2`);
    },
    async enable() {
      // It comes back by itself.
    },
    behind: (nextHops) => behind(api, config, external, nextHops),
    async [Symbol.asyncDispose]() {
      await process_.stop();
      server.close();
      scratch[Symbol.dispose]();
    },
  };
}

async function apiOf(process_: RunningProcess, connected: Promise<Socket>): Promise<Api> {
  let socket: Socket | undefined;
  void connected.then((one) => (socket = one));
  await waitUntilReady(process_, async () => {
    if (socket === undefined) throw new Error('its API process has not connected yet');
  });
  return new Api(await connected);
}

function behind(api: Api, config: RouterConfig, external: boolean, nextHops: readonly [string, string]): TestNeighbour {
  const own = external ? [config.asn] : [];
  const heard = ([prefix, attributes]: [string, PathAttributes]): [string, PathAttributes] => [
    prefix,
    {
      ...attributes,
      asPath: [config.asn, ...(attributes.asPath ?? [])],
      nextHop: nextHops[prefix.includes(':') ? 1 : 0],
    },
  ];
  return {
    get routes() {
      return new Map([...api.routes].map(heard));
    },
    announce(routes) {
      const nextHop = (prefix: string) => (prefix.includes(':') ? config.address6 : config.address) ?? '';
      api.command(...routes.map((route) => announcement(route, nextHop(route.prefix), own)));
    },
    withdraw: (prefixes) => api.command(...prefixes.map((prefix) => `withdraw route ${prefix} next-hop self`)),
    [Symbol.dispose]: () => undefined,
  };
}

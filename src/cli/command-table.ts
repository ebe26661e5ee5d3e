/** Every command of `starling`: the parser, the help and the completions are made from this table. */
import type { ServiceName } from './api-client.ts';
import type { ArgumentRow, CommandRow, OptionRow } from './command.ts';
import { SHOW, SHOWING } from './option-rows.ts';
import { POLICY_COMMANDS } from './policy-command-table.ts';

/** Options that may stand anywhere. */
export const GLOBAL_OPTIONS: readonly OptionRow[] = [
  { name: 'socket', value: 'PATH', description: 'Unix socket of the daemon', conflicts: ['host'], only: 'daemon' },
  {
    name: 'host',
    value: 'URL',
    description:
      'read-only API of a daemon, e.g. http://10.0.0.1:8179, or of a policy agent, e.g. http://10.0.0.1:8180',
  },
];

/** Those of them that a command takes, or what comes after a noun: `peer list`, `policy`. */
export function globalOptionsOf(command: string): readonly OptionRow[] {
  const row = COMMANDS.find(({ name }) => `${name} `.startsWith(`${command} `));
  const service: ServiceName = row?.service ?? 'daemon';
  return GLOBAL_OPTIONS.filter(({ only = service }) => only === service);
}

const FAMILY: OptionRow = {
  name: 'family',
  value: 'FAMILY',
  description: 'only this address family',
  choices: ['ipv4', 'ipv6'],
};

const PEER_ARGUMENT: ArgumentRow = { name: 'ADDRESS', description: 'address of the peer' };

const VIEWS = ['received', 'accepted', 'rejected', 'advertised'];

function viewOption(name: string, description: string): OptionRow {
  return { name, description, conflicts: VIEWS.filter((view) => view !== name) };
}

const FOLLOW_DRAIN: OptionRow = {
  name: 'follow',
  short: 'f',
  description: 'stay until it is done, and show each stage',
};

export const COMMANDS: readonly CommandRow[] = [
  {
    name: 'status',
    summary: 'the daemon at a glance, and what is wrong',
    options: SHOW,
    run: async (context) => (await import('./commands/status.ts')).showStatus(context),
  },
  {
    name: 'node status',
    summary: 'the node and its sessions, as calicoctl node status shows them',
    options: SHOW,
    run: async (context) => (await import('./commands/node.ts')).showNodeStatus(context),
  },
  {
    name: 'peer list',
    summary: 'all peers and their sessions',
    options: [
      {
        name: 'expect',
        value: 'STATE',
        description: 'exit with 1 unless all peers that are not disabled are so, and there is one',
        choices: ['established'],
      },
      ...SHOW,
    ],
    run: async (context) => (await import('./commands/peer.ts')).listPeers(context),
  },
  {
    name: 'peer show',
    summary: 'one peer: why it exists, its session, filters, counters, last errors',
    arguments: [PEER_ARGUMENT],
    options: SHOW,
    run: async (context) => (await import('./commands/peer.ts')).showPeer(context),
  },
  {
    name: 'peer explain',
    summary: 'why there is a peer, or why not',
    arguments: [{ name: 'PEER', description: 'address of a peer, name of a node or of a BGPPeer' }],
    options: SHOW,
    run: async (context) => (await import('./commands/peer.ts')).explainPeer(context),
  },
  {
    name: 'peer confirm',
    summary: 'do what is held back because it takes too many sessions away',
    options: [{ name: 'yes', description: 'do it; without it, only show what would be done' }, ...SHOWING],
    run: async (context) => (await import('./commands/peer.ts')).confirmPeers(context),
  },
  {
    name: 'peer reset',
    summary: 'close the session and let it come up again',
    arguments: [PEER_ARGUMENT],
    options: [
      {
        name: 'soft',
        value: 'DIRECTION',
        description: "keep the session; exchange the routes again: in, the peer's; out, ours",
        choices: ['in', 'out'],
      },
    ],
    run: async (context) => (await import('./commands/peer.ts')).resetPeer(context),
  },
  {
    name: 'peer disable',
    summary: 'close the session and keep it closed, until enabled or the daemon restarts',
    arguments: [PEER_ARGUMENT],
    options: [{ name: 'message', value: 'TEXT', description: 'reason that is sent to the peer (RFC 9003)' }],
    run: async (context) => (await import('./commands/peer.ts')).disablePeer(context),
  },
  {
    name: 'peer enable',
    summary: 'let the session come up again',
    arguments: [PEER_ARGUMENT],
    run: async (context) => (await import('./commands/peer.ts')).enablePeer(context),
  },
  {
    name: 'route list',
    summary: 'best routes, or those received from or advertised to peers',
    arguments: [{ name: 'PREFIX', description: 'only this prefix', optional: true }],
    options: [
      FAMILY,
      { name: 'peer', value: 'ADDRESS', description: 'only routes of this peer' },
      viewOption('received', 'as received, before the import filters'),
      viewOption('accepted', 'as accepted by the import filters'),
      viewOption('rejected', 'rejected ones, with the reason'),
      viewOption('advertised', 'as advertised to --peer'),
      { name: 'longer', description: 'PREFIX and all within it', conflicts: ['shorter'] },
      { name: 'shorter', description: 'PREFIX and all that cover it' },
      ...SHOW,
    ],
    run: async (context) => (await import('./commands/route.ts')).listRoutes(context),
  },
  {
    name: 'route explain',
    summary: 'why a route is what it is: candidates, filters, who was told, what the kernel has',
    arguments: [{ name: 'PREFIX', description: 'prefix or address; the longest match decides' }],
    options: SHOW,
    run: async (context) => (await import('./commands/route.ts')).explainRoute(context),
  },
  {
    name: 'route add',
    summary: "originate a route of one's own, until the daemon restarts",
    arguments: [{ name: 'PREFIX', description: 'prefix to originate' }],
    options: [
      { name: 'next-hop', value: 'ADDRESS', description: 'next hop, default this node itself' },
      { name: 'origin', value: 'ORIGIN', description: 'ORIGIN attribute', choices: ['igp', 'egp', 'incomplete'] },
      { name: 'as-path', value: 'PATH', description: 'ASes behind this node, nearest first: "64512 64513"' },
      { name: 'med', value: 'NUMBER', description: 'MULTI_EXIT_DISC' },
      { name: 'local-pref', value: 'NUMBER', description: 'LOCAL_PREF' },
      { name: 'community', value: 'COMMUNITY', description: '64512:100 or a well-known name', repeatable: true },
      { name: 'large-community', value: 'COMMUNITY', description: '64512:1:2', repeatable: true },
    ],
    run: async (context) => (await import('./commands/route.ts')).addRoute(context),
  },
  {
    name: 'route delete',
    summary: 'remove a route that was added',
    arguments: [{ name: 'PREFIX', description: 'its prefix' }],
    run: async (context) => (await import('./commands/route.ts')).deleteRoute(context),
  },
  {
    name: 'service list',
    summary: 'services: which of their addresses are advertised, and why not the others',
    options: [
      { name: 'namespace', short: 'n', value: 'NAMESPACE', description: 'only services of this namespace' },
      {
        name: 'advertised',
        description: 'only services of which an address is advertised',
        conflicts: ['notAdvertised'],
      },
      { name: 'not-advertised', description: 'only services of which no address is advertised' },
      ...SHOW,
    ],
    run: async (context) => (await import('./commands/service.ts')).listServices(context),
  },
  {
    name: 'service explain',
    summary: 'one service: each address, advertised or not, by which rule, to whom, waiting for what',
    arguments: [{ name: 'NAMESPACE/NAME', description: 'the service' }],
    options: [
      {
        name: 'expect',
        value: 'STATE',
        description: 'exit with 1 unless an address is advertised, a peer was told, and none is held or withheld',
        choices: ['advertised'],
      },
      ...SHOW,
    ],
    run: async (context) => (await import('./commands/service.ts')).explainService(context),
  },
  {
    name: 'fib list',
    summary: 'routes the kernel has, or should have, from the daemon',
    arguments: [{ name: 'PREFIX', description: 'only this prefix', optional: true }],
    options: [
      FAMILY,
      { name: 'why', description: 'which paths and rules chose each route, and how its next hops resolve' },
      ...SHOW,
    ],
    run: async (context) => (await import('./commands/fib.ts')).listFib(context),
  },
  {
    name: 'fib diff',
    summary: 'where the kernel differs from what it should have; exit with 1 if it does',
    options: [FAMILY, ...SHOW],
    run: async (context) => (await import('./commands/fib.ts')).diffFib(context),
  },
  ...POLICY_COMMANDS,
  {
    name: 'config validate',
    summary: 'check the configuration of this node and its resources, or the resources at PATH',
    arguments: [{ name: 'PATH', description: 'file or directory of resources', optional: true }],
    options: [
      { name: 'config', value: 'FILE', description: 'configuration of the node, default /etc/starling/starlingd.yaml' },
      ...SHOWING,
    ],
    run: async (context) => (await import('./commands/config.ts')).validateConfig(context),
  },
  {
    name: 'config diff',
    summary:
      'what the resources at PATH would change on this node; exits with 1 if anything, with 2 if it can not tell',
    arguments: [{ name: 'PATH', description: 'file or directory of new and changed resources' }],
    options: [
      { name: 'whole', description: 'PATH holds all resources: those that are not there would be deleted' },
      ...SHOWING,
    ],
    run: async (context) => (await import('./commands/config-diff.ts')).diffConfig(context),
  },
  {
    name: 'events',
    summary: 'what happened: sessions, routes, kernel, datastore',
    options: [{ name: 'follow', short: 'f', description: 'go on, until Ctrl-C' }, ...SHOWING],
    run: async (context) => (await import('./commands/events.ts')).showEvents(context),
  },
  {
    name: 'drain',
    summary: 'take the node out of the network: GRACEFUL_SHUTDOWN, then without services, then without pods',
    options: [
      {
        name: 'wait',
        value: 'DURATION',
        description: 'from GRACEFUL_SHUTDOWN to the withdrawal of services, e.g. 90s',
      },
      { name: 'message', value: 'TEXT', description: 'why, for whoever looks at the node' },
      { name: 'for-good', description: 'stop the daemon for good when everything is withdrawn' },
      FOLLOW_DRAIN,
    ],
    run: async (context) => (await import('./commands/drain.ts')).drain(context),
  },
  {
    name: 'undrain',
    summary: 'bring the node back into the network: pods, then services',
    options: [FOLLOW_DRAIN],
    run: async (context) => (await import('./commands/drain.ts')).undrain(context),
  },
  {
    name: 'shutdown',
    summary: 'stop the daemon; kernel routes stay, for a restart',
    options: [{ name: 'for-good', description: 'withdraw all routes, tell the peers, clean the kernel up' }],
    run: async (context) => (await import('./commands/shutdown.ts')).shutDown(context),
  },
  {
    name: 'completion',
    summary: 'print the completion script of a shell: source <(starling completion bash)',
    arguments: [{ name: 'SHELL', description: 'shell', choices: ['bash', 'zsh', 'fish'] }],
    run: async (context) => (await import('./commands/completion.ts')).printCompletion(context),
  },
];

/** What a noun is about, for the help of `starling`. */
export const NOUNS: Readonly<Record<string, string>> = {
  node: 'this node',
  peer: 'BGP peers and their sessions',
  route: 'routes: learned, chosen, advertised',
  service: 'services and what of them is advertised',
  fib: "the kernel's routes",
  policy: 'network policy, as the policy agent of this node enforces it',
  config: 'configuration and resources',
};

/** The commands of `starling` that ask the policy agent. */
import type { ArgumentRow, CommandRow, OptionRow } from './command.ts';
import { SHOW, SHOWING } from './option-rows.ts';

const SOCKET: OptionRow = {
  name: 'policy-socket',
  value: 'PATH',
  description: 'Unix socket of the policy agent',
};

const END = 'an address, NAMESPACE/POD, a HostEndpoint, or an interface of this node';

const PACKET: readonly ArgumentRow[] = [
  { name: 'SOURCE', description: END },
  { name: 'DESTINATION', description: END },
  { name: 'PROTOCOL', description: 'tcp, udp, sctp, udplite, icmp, or a number' },
  {
    name: 'PORT',
    description: 'destination port; of icmp, TYPE or TYPE/CODE, default an echo request',
    optional: true,
  },
];

const ROWS: readonly Omit<CommandRow, 'service'>[] = [
  {
    name: 'policy status',
    summary: 'the policy agent at a glance, and what is wrong',
    options: SHOW,
    run: async (context) => (await import('./commands/policy-status.ts')).showPolicyStatus(context),
  },
  {
    name: 'policy list',
    summary: 'policies in the order in which they are asked, and how many endpoints of this node each picks',
    options: SHOW,
    run: async (context) => (await import('./commands/policy-list.ts')).listPolicies(context),
  },
  {
    name: 'policy explain',
    summary: 'what becomes of a packet: at which end, by which tier, policy and rule, enforced by which node',
    arguments: PACKET,
    options: [
      { name: 'source-port', value: 'PORT', description: 'source port' },
      { name: 'trail', description: 'also which policies and rules were looked at, as with -o wide' },
      {
        name: 'expect',
        value: 'VERDICT',
        description: 'exit with 1 unless the verdict is so',
        choices: ['allow', 'deny'],
      },
      ...SHOW,
    ],
    run: async (context) => (await import('./commands/policy-explain.ts')).explainPacket(context),
  },
  {
    name: 'policy endpoints',
    summary: 'workloads and hosts of this node, and which policies are asked about them',
    arguments: [
      { name: 'NAME', description: 'only those with this name, interface or address, in full', optional: true },
    ],
    options: [{ name: 'all', description: 'also those of other nodes, and network sets' }, ...SHOW],
    run: async (context) => (await import('./commands/policy-endpoints.ts')).listEndpoints(context),
  },
  {
    name: 'policy events',
    summary: 'what happened: endpoints, policies, the kernel, the datastore',
    options: [{ name: 'follow', short: 'f', description: 'go on, until Ctrl-C' }, ...SHOWING],
    run: async (context) => (await import('./commands/events.ts')).showEvents(context),
  },
  {
    name: 'policy shutdown',
    summary: 'stop the policy agent; its rules stay in the kernel, for a restart',
    options: [{ name: 'for-good', description: 'remove its rules: nothing is policed any more' }],
    run: async (context) => (await import('./commands/shutdown.ts')).shutDown(context),
  },
];

export const POLICY_COMMANDS: readonly CommandRow[] = ROWS.map((row) => ({
  ...row,
  service: 'agent',
  options: [...(row.options ?? []), SOCKET],
}));

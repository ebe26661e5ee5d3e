/**
 * What the demo prints.
 */
import type { RunningDaemon } from './daemons.ts';
import type { Reachability } from './reachability.ts';
import type { ServiceResult } from './service-reachability.ts';
import { POD_POOLS } from './topology.ts';
import type { Topology } from './topology.ts';

/** How to call the commands in the text. */
export interface CommandWords {
  /** Words that start the command line tool, e.g. `node dist/cli/main.js`. */
  readonly cli: string;
  /** Whether the demo is in a user namespace, which has to be entered as well. */
  readonly userNamespace: boolean;
}

/** Columns between one node and the next in the picture. */
const NODE_WIDTH = 12;
/** Columns between the links of one node. */
const LINK_WIDTH = 3;

/** The fabric as a picture, with what each router is. */
export function picture(topology: Topology): string {
  const { tors, nodes } = topology;
  const margin = ' '.repeat(busHead(topology, 0).length);
  const cells = (texts: readonly string[]) => margin + texts.map((text) => text.padEnd(NODE_WIDTH)).join('');
  return [
    ...tors.map((_, t) => busHead(topology, t) + nodes.map((_, n) => busCell(t, n === nodes.length - 1)).join('')),
    cells(nodes.map(() => tors.map(() => '│'.padEnd(LINK_WIDTH)).join(''))),
    cells(nodes.map(({ name }) => name)),
    cells(nodes.map(({ asn }) => `AS ${asn}`)),
    '',
    table(
      ['node', 'rack', 'address', 'pod block', '', 'its pod', ''],
      topology.nodes.map(({ name, rack, address, blocks, pod }) => [
        name,
        rack,
        address,
        blocks.ipv4,
        blocks.ipv6,
        pod.ipv4,
        pod.ipv6,
      ]),
    ),
    '',
    `Every router runs starlingd. Nodes announce their blocks (of ${POD_POOLS.ipv4} and ${POD_POOLS.ipv6}) to both`,
    'switches over one eBGP session each, IPv4 and IPv6 together; so each has two equal paths to every other block.',
  ]
    .map((line) => line.trimEnd())
    .join('\n');
}

/** What stands in front of the line that is a switch's links. */
function busHead({ tors }: Topology, t: number): string {
  return `  ${tors[t].name}  AS ${tors[t].asn}  ──`;
}

/** A switch's line above one node: its own link leaves downwards, those of the switches above cross it. */
function busCell(t: number, last: boolean): string {
  const links = Array.from({ length: t }, () => '│'.padEnd(LINK_WIDTH, '─')).join('');
  return last ? `${links}┐` : `${links}┬`.padEnd(NODE_WIDTH, '─');
}

/** The result of the check as tables. */
export function report({ flows, pairs, uplinks }: Reachability): string {
  return [
    table(
      ['from', 'to', 'IPv4 paths', 'answered', 'IPv6 paths', 'answered'],
      pairs.map(({ from, to, paths, answered }) => [
        from,
        to,
        `${paths.ipv4}`,
        `${answered.ipv4}/${flows}`,
        `${paths.ipv6}`,
        `${answered.ipv6}/${flows}`,
      ]),
    ),
    '',
    table(
      ['node', 'uplink', 'packets sent'],
      uplinks.map(({ node, uplink, packets }) => [node, uplink, `${packets}`]),
    ),
  ].join('\n');
}

/** Services as a table; `noProxies` says why they were not tried. */
export function serviceReport(
  { tors }: Topology,
  results: readonly ServiceResult[],
  noProxies: string | undefined,
): string {
  const names = (nodes: readonly string[]) => nodes.join(' ') || '-';
  return [
    table(
      ['service', 'address', 'pods on', 'announced by', 'as a backup', ...tors.map(({ name }) => name), 'answered'],
      results.map(({ service, address, podsOn, primary, backup, paths, answered, flows }) => [
        service,
        address,
        names(podsOn),
        names(primary),
        names(backup),
        ...paths.map((count) => `${count} paths`),
        answered === undefined ? 'not tried' : `${answered}/${flows}`,
      ]),
    ),
    ...(noProxies === undefined ? [] : ['', `Nothing leads from services to pods here: ${noProxies}.`]),
  ].join('\n');
}

/** What to look at while the demo runs. */
export function suggestions(daemons: readonly RunningDaemon[], topology: Topology, words: CommandWords): string {
  const socket = (name: string) => daemons.find(({ router }) => router.name === name)!.socket;
  const pid = (name: string) => daemons.find(({ router }) => router.name === name)!.pid;
  const [first, second] = topology.nodes;
  const [tor] = topology.tors;
  const [, service] = topology.services;
  const cli = (name: string, command: string) => `  ${words.cli} --socket ${socket(name)} ${command}`;
  const enter = (name: string) =>
    words.userNamespace
      ? `nsenter --preserve-credentials --user --net --target ${pid(name)}`
      : `nsenter --net --target ${pid(name)}`;
  return [
    'Look at it from another terminal:',
    '',
    cli(first.name, 'status'),
    cli(first.name, 'peer list'),
    cli(first.name, `route explain ${second.blocks.ipv4}`),
    cli(first.name, 'fib list'),
    cli(first.name, 'service list'),
    cli(first.name, `service explain default/${service.name}`),
    cli(tor.name, 'route list'),
    '',
    `Enter a router (here ${first.name}) and use the system's own tools, where it has them:`,
    '',
    `  ${enter(first.name)} ip route`,
    `  ${enter(first.name)} ping -c 3 -I ${first.pod.ipv4} ${second.pod.ipv4}`,
    `  ${enter(first.name)} ip link set ${tor.name} down     # and watch the routes: one path is left`,
    '',
    'Processes:',
    '',
    table(
      ['  router', 'pid', 'API socket'],
      daemons.map(({ router, pid, socket }) => [`  ${router.name}`, `${pid}`, socket]),
    ),
  ].join('\n');
}

/** Columns with a heading, as wide as their widest cell. */
function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] + 2))
        .join('')
        .trimEnd(),
    )
    .join('\n');
}

/** BIRD as a neighbour of the node under test, which tells what it heard. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from '../support/namespaces.ts';
import { run, start, waitUntilReady } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import type { Scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait-for.ts';
import { NODE_AS, linkAddresses } from './daemon-fixture.ts';

/** What a router has heard from the node. */
export interface Heard {
  /** Which session it is, counted from 1; 0 where none is up. */
  readonly session: number;
  /** Routes announced and withdrawn in it, repetitions included. */
  readonly routes: number;
}

/** BIRD at the other end of a link, with routes of its own. */
export class Bird implements AsyncDisposable {
  readonly namespace: Namespace;
  readonly process: RunningProcess;
  private readonly scratch: Scratch;
  private head: string;
  private readonly control: string;

  private constructor(namespace: Namespace, scratch: Scratch, head: string, process_: RunningProcess) {
    this.namespace = namespace;
    this.scratch = scratch;
    this.head = head;
    this.process = process_;
    this.control = join(scratch.path, 'ctl');
  }

  /**
   * Starts it as the neighbour of the node on a link; `nextHop` is what its IPv4 routes have, default itself, and `localPref`
   * what they have where it is not 100.
   */
  static async start(
    namespace: Namespace,
    number: number,
    asn: number,
    prefixes: readonly string[] = [],
    nextHop?: string,
    localPref?: number,
  ): Promise<Bird> {
    const scratch = createScratch(`bird${number}`);
    const head = `log "${join(scratch.path, 'log')}" all;\n${configuration(number, asn, nextHop, localPref)}`;
    const file = scratch.write('bird.conf', head + statics(prefixes));
    const argv = ['bird', '-f', '-c', file, '-s', join(scratch.path, 'ctl')];
    const process_ = start(argv, { name: `bird${number}`, space: namespace });
    const bird = new Bird(namespace, scratch, head, process_);
    await waitUntilReady(process_, () => bird.birdc('show', 'status'));
    return bird;
  }

  birdc(...words: string[]): Promise<string> {
    return run(['birdc', '-s', this.control, ...words]);
  }

  /** Writes what it learns to its kernel from now on; with routes of its own, those it announces. */
  async forward(...prefixes: string[]): Promise<void> {
    for (const family of ['ipv4', 'ipv6'])
      this.head += `protocol kernel { ${family} { export where source = RTS_BGP; }; }\n`;
    await this.announce(...prefixes);
  }

  /** Replaces the routes it announces. */
  async announce(...prefixes: string[]): Promise<void> {
    this.scratch.write('bird.conf', this.head + statics(prefixes));
    await this.birdc('configure');
  }

  /** What it says of the session. */
  session(): Promise<string> {
    return this.birdc('show', 'protocols', 'all', 'node');
  }

  /** The prefixes it has from the node. */
  async prefixes(): Promise<string[]> {
    const text = await this.birdc('show', 'route', 'protocol', 'node');
    return [...text.matchAll(/^(\S+\/\d+)\s/gm)].map((match) => match[1]).toSorted();
  }

  /** Waits until it has exactly these prefixes from the node. */
  async has(...prefixes: string[]): Promise<void> {
    const wanted = prefixes.toSorted().join(' ');
    await waitFor(async () => (await this.prefixes()).join(' '), {
      what: `${this.process.name} to have ${wanted === '' ? 'nothing' : wanted}`,
      accept: (seen) => seen === wanted,
    });
  }

  /** All it says of a route from the node, with attributes. */
  route(prefix: string): Promise<string> {
    return this.birdc('show', 'route', prefix, 'protocol', 'node', 'all');
  }

  /** Its log, up to now. */
  get log(): string {
    return readFileSync(join(this.scratch.path, 'log'), 'utf8');
  }

  /** What it has heard in the session that it has now. */
  async heard(): Promise<Heard> {
    const text = await this.session();
    // Not by the time it came up: BIRD converts that anew for each answer, and the last digit wavers.
    const ups = [...this.log.matchAll(/ node: State changed to up$/gm)].length;
    const session = /^node .* up +\S+ +Established/m.test(text) ? ups : 0;
    const counts = [...text.matchAll(/Import (?:updates|withdraws): +(\d+)/g)].map((match) => Number(match[1]));
    return { session, routes: counts.reduce((sum, count) => sum + count, 0) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    this.scratch[Symbol.dispose]();
  }
}

function configuration(number: number, asn: number, nextHop?: string, localPref?: number): string {
  const { ours, theirs, theirs6 } = linkAddresses(number);
  const setNextHop = nextHop === undefined ? '' : `bgp_next_hop = ${nextHop}; `;
  const setLocalPref = localPref === undefined ? '' : `bgp_local_pref = ${localPref}; `;
  return `router id ${theirs};
protocol device {}
protocol bgp node {
  local ${theirs} as ${asn};
  neighbor ${ours} as ${NODE_AS};
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 2;
  error forget time 1;
  debug { states };
  ipv4 { import all; export filter { if source != RTS_STATIC then reject; ${setNextHop}${setLocalPref}accept; }; };
  ipv6 { import all; export where source = RTS_STATIC; next hop address ${theirs6}; };
}
`;
}

function statics(prefixes: readonly string[]): string {
  const routes = (list: readonly string[]) => list.map((prefix) => `route ${prefix} unreachable;`).join(' ');
  const four = prefixes.filter((prefix) => !prefix.includes(':'));
  const six = prefixes.filter((prefix) => prefix.includes(':'));
  return `protocol static s4 { ipv4; ${routes(four)} }\nprotocol static s6 { ipv6; ${routes(six)} }\n`;
}

/**
 * Who reaches whom: servers in many network namespaces, and packets and connections between them, all from one process, so that
 * hundreds of pairs are tried in a moment.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { IP_PROTOCOLS, icmpPacket, numberOf, sctpInit } from './policy-packets.ts';
import { NonBlockingSocket, inNamespace, readySockets } from './policy-sockets.ts';
import type { SocketAddress } from './policy-sockets.ts';
import { WaitError } from './wait-for.ts';

/** What serves and asks. */
export interface ProbeHost {
  readonly name: string;
  /** Name of its network namespace. */
  readonly namespace: string;
  /** At most one of each family. */
  readonly addresses: readonly string[];
}

/** A packet or a connection that is tried. */
export interface Probe {
  /** Name of a host. */
  readonly from: string;
  /** Name of a host, or an address. */
  readonly to: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp';
  /** By default 80. */
  readonly port?: number;
  readonly icmp?: readonly [type: number, code: number];
  /** Of UDP; by default one that was not used before. Then arriving is enough. */
  readonly sourcePort?: number;
  /** By default 4. */
  readonly version?: 4 | 6;
  /** An address that packets pretend to come from; then arriving is enough. */
  readonly source?: string;
  /** Whether it should arrive and, of TCP and UDP, be answered. */
  readonly passes: boolean;
}

/** Where a packet came from, as the other end saw it. */
interface Arrival {
  readonly host: string;
  readonly from: SocketAddress;
  /** As performance.now() has it. */
  readonly at: number;
}

const ANY = { 4: '0.0.0.0', 6: '::' } as const;
/** Of UDP packets. */
const FIRST_PORT = 2000;
const LAST_PORT = 64_000;
/** Ports that each host serves. */
const PORTS = [80, 81];
/** How long, in ms, what should pass may take: a lost packet is sent again by nobody but TCP. */
const PATIENCE = 3000;
/** The same where it is tried again. */
const SHORT_PATIENCE = 100;
/** How long, in ms, what should not pass is waited for. Packets between namespaces of a machine take far less than one. */
const DENIED_PATIENCE = 40;

/** How long, in ms, an answer within a flow may take: less than it takes TCP to send anything a second time twice. */
const FLOW_PATIENCE = 500;
/** After how long, in ms, a packet of UDP within a flow is sent again, as TCP does by itself. */
const RESEND_AFTER = 100;
/** In ms. */
const KNOCK_EVERY = 5;

/** A socket and what happens when there is something at it. */
interface Watched {
  readonly socket: NonBlockingSocket;
  writable: boolean;
  ready(): void;
}

/** A connection, or packets of one source port, that lasts. */
export interface Flow {
  readonly words: string;
  /** Whether it was reset or refused. */
  readonly broken: boolean;
  /** Sends something new, again where that gets lost, and waits for the answer; false where there is none in time. */
  exchange(patience?: number): Promise<boolean>;
  close(): void;
}

/** Where a packet goes from and to. */
type Knock = Omit<Probe, 'passes' | 'protocol'>;

/** What goes on while something else is done. */
interface Traffic {
  readonly flows: readonly Flow[];
  readonly open: readonly Knock[];
  readonly closed: readonly Knock[];
}

/** What came of it. */
interface TrafficSeen {
  /** Flows that had no answer in time though what was lost was sent again, in words. */
  readonly broken: readonly string[];
  /** How many packets that should pass did not, of how many. */
  readonly lost: number;
  readonly sent: number;
  /** When something passed that should not have. */
  readonly passed: readonly number[];
}

export class Prober implements Disposable {
  readonly #hosts = new Map<string, ProbeHost>();
  readonly #serving = new Map<string, Set<Watched>>();
  readonly #asking = new Set<Watched>();
  readonly #arrivals = new Map<number, Arrival>();
  readonly #answers = new Set<number>();
  #next = 1;
  #lastPort = FIRST_PORT;

  /** Has a host serve TCP and UDP at each of the ports, and receive SCTP and ICMP. */
  add(host: ProbeHost, ports: readonly number[] = PORTS): void {
    const serving = new Set<Watched>();
    this.#hosts.set(host.name, host);
    this.#serving.set(host.name, serving);
    inNamespace(host.namespace, () => {
      for (const port of ports) {
        serving.add(this.#acceptor(host.name, NonBlockingSocket.listening(port, true), serving));
        serving.add(this.#answerer(host.name, NonBlockingSocket.listening(port, false), () => {}));
      }
      for (const version of [4, 6] as const) {
        for (const protocol of ['sctp', 'icmp'] as const) serving.add(this.#receiver(host.name, version, protocol));
      }
    });
  }

  remove(name: string): void {
    for (const { socket } of this.#serving.get(name) ?? []) socket[Symbol.dispose]();
    this.#serving.delete(name);
    this.#hosts.delete(name);
  }

  /** Tries all at once; gives for each whether it passed. What should pass is waited for. */
  async tryAll(probes: readonly Probe[], patience = PATIENCE): Promise<boolean[]> {
    const numbers = this.#sendAll(probes);
    const passed = (index: number) => this.#passed(probes[index], numbers[index].number);
    const sent = performance.now();
    await this.#pumpUntil(
      () => probes.every(({ passes }, index) => !passes || passed(index)) && performance.now() - sent > DENIED_PATIENCE,
      patience,
    );
    for (const { close } of numbers) close();
    return probes.map((_, index) => passed(index));
  }

  /** Tries all again and again until all do as they should, as something else has yet to happen; gives those that don't in the end. */
  async wrongAtLast(probes: readonly Probe[], patience = 20_000): Promise<string[]> {
    const end = performance.now() + patience;
    for (;;) {
      const wrong = await this.wrong(probes, SHORT_PATIENCE);
      if (wrong.length === 0 || performance.now() > end) return wrong;
    }
  }

  /** Tries all; gives those, in words, that did other than they should. */
  async wrong(probes: readonly Probe[], patience = PATIENCE): Promise<string[]> {
    const passed = await this.tryAll(probes, patience);
    return probes.flatMap((probe, index) =>
      passed[index] === probe.passes ? [] : [`${words(probe)} ${passed[index] ? 'passes' : 'does not pass'}`],
    );
  }

  /** Sends a packet, waits until it arrived, and gives the address that it came from as the other end saw it. */
  async sourceSeen(probe: Omit<Probe, 'passes'>): Promise<string | undefined> {
    const [{ number, close }] = this.#sendAll([{ ...probe, passes: true }]);
    await this.#pumpUntil(() => this.#arrivals.has(number), PATIENCE);
    close();
    return this.#arrivals.get(number)?.from.address;
  }

  /** Opens a flow and has it answered once. */
  async open(probe: Omit<Probe, 'passes'> & { readonly protocol: 'tcp' | 'udp' }): Promise<Flow> {
    const flow = this.#flow({ ...probe, passes: true });
    if (!(await flow.exchange())) throw new WaitError(`an answer of ${flow.words}`, PATIENCE, undefined);
    return flow;
  }

  /**
   * Before, during and after what is done, has flows ask all the time, and sends packets of UDP all the time, each from a port of its
   * own: those of `open` should pass, those of `closed` should not. The times at which the latter passed are as performance.now() has it.
   */
  async during({ flows, open, closed }: Traffic, action: () => Promise<void>): Promise<TrafficSeen> {
    const broken: string[] = [];
    const knocks = { open: [] as number[], closed: [] as number[] };
    let asked = 0;
    const state = { over: false };
    const ask = async (flow: Flow): Promise<void> => {
      while (!state.over) {
        asked++;
        if (!(await flow.exchange(FLOW_PATIENCE))) broken.push(flow.words);
        await pause(1);
      }
    };
    const knock = async (): Promise<void> => {
      while (!state.over) {
        knocks.open.push(...open.map((one) => this.#knock(one)));
        knocks.closed.push(...closed.map((one) => this.#knock(one)));
        await pause(KNOCK_EVERY);
      }
    };
    const more = async (): Promise<void> => {
      const enough = asked + 10 * flows.length;
      await this.#pumpUntil(() => asked >= enough, PATIENCE);
    };
    const busy = Promise.all([...flows.map(ask), knock()]);
    try {
      await more();
      await action();
      await more();
    } finally {
      state.over = true;
      await busy;
    }
    await this.#pumpUntil(() => knocks.open.every((number) => this.#arrivals.has(number)), PATIENCE);
    return {
      broken,
      lost: knocks.open.filter((number) => !this.#arrivals.has(number)).length,
      sent: knocks.open.length,
      passed: knocks.closed.flatMap((number) => this.#arrivals.get(number)?.at ?? []),
    };
  }

  [Symbol.dispose](): void {
    for (const name of this.#hosts.keys()) this.remove(name);
    for (const { socket } of this.#asking) socket[Symbol.dispose]();
    this.#asking.clear();
  }

  /** Sends a packet of its own source port, of UDP; whether and when it arrived is known by its number. */
  #knock(probe: Knock): number {
    const [{ number, close }] = this.#sendAll([{ ...probe, protocol: 'udp', passes: false }]);
    close();
    return number;
  }

  #passed({ protocol, source, sourcePort }: Probe, number: number): boolean {
    const oneWay = source !== undefined || sourcePort !== undefined || protocol === 'sctp' || protocol === 'icmp';
    return oneWay ? this.#arrivals.has(number) : this.#answers.has(number);
  }

  async #pumpUntil(condition: () => boolean, patience: number): Promise<void> {
    const end = performance.now() + patience;
    for (;;) {
      this.#pump();
      if (condition() || performance.now() > end) return;
      await pause(1);
    }
  }

  #pump(): void {
    for (;;) {
      const ready = readySockets([...[...this.#serving.values()].flatMap((some) => [...some]), ...this.#asking]);
      if (ready.length === 0) return;
      for (const one of ready) one.ready();
    }
  }

  /** Grouped by where they come from: entering a namespace takes time. */
  #sendAll(probes: readonly Probe[]): readonly { number: number; close: () => void }[] {
    const results: { number: number; close: () => void }[] = Array.from({ length: probes.length });
    for (const name of new Set(probes.map(({ from }) => from))) {
      inNamespace(this.#host(name).namespace, () => {
        for (const [index, probe] of probes.entries()) if (probe.from === name) results[index] = this.#send(probe);
      });
    }
    return results;
  }

  #send(probe: Probe): { number: number; close: () => void } {
    const { protocol } = probe;
    const number = this.#next++;
    if (protocol === 'tcp' || protocol === 'udp') {
      const { asking, close } = this.#ask(probe);
      asking.send(number);
      return { number, close };
    }
    const { version = 4, port = 80, icmp: [type, code] = version === 4 ? [8, 0] : [128, 0] } = probe;
    const ip = protocol === 'sctp' ? IP_PROTOCOLS.sctp : icmpProtocol(version);
    using socket = NonBlockingSocket.open('raw', version, ip);
    if (probe.source !== undefined) socket.sendFrom({ address: probe.source, port: 0 }, version);
    const sourcePort = 20_000 + (number % 40_000);
    const packet = protocol === 'sctp' ? sctpInit(number, sourcePort, port) : icmpPacket(version, type, code, number);
    // What the kernel refuses to send does not arrive.
    socket.send(packet, { address: this.#address(probe), port: 0 });
    return { number, close: () => {} };
  }

  /** Begins to ask at a socket of TCP or UDP, in the thread's namespace. */
  #ask(probe: Probe): { asking: Asking; close: () => void } {
    const { protocol, version = 4, port = 80, source } = probe;
    const socket = NonBlockingSocket.open(protocol === 'tcp' ? 'stream' : 'datagram', version);
    const sourcePort = protocol === 'udp' ? (probe.sourcePort ?? this.#freshPort()) : 0;
    if (source !== undefined || sourcePort > 0)
      socket.sendFrom({ address: source ?? ANY[version], port: sourcePort }, version);
    const reached = socket.connect({ address: this.#address(probe), port });
    const close = (): void => {
      this.#asking.delete(asking);
      socket[Symbol.dispose]();
    };
    const asking = new Asking(socket, protocol === 'tcp' && reached, this.#answers, () => this.#asking.delete(asking));
    if (reached) this.#asking.add(asking);
    return { asking, close };
  }

  /** Packets of UDP from a port that was used before may pass as part of what passed then. */
  #freshPort(): number {
    if (++this.#lastPort > LAST_PORT) this.#lastPort = FIRST_PORT;
    return this.#lastPort;
  }

  #flow(probe: Probe): Flow {
    const { asking, close } = inNamespace(this.#host(probe.from).namespace, () => this.#ask(probe));
    return {
      words: words(probe),
      get broken() {
        return asking.broken;
      },
      exchange: async (patience = PATIENCE) => {
        const numbers: number[] = [];
        const end = performance.now() + patience;
        const isAnswered = (): boolean => numbers.some((number) => this.#answers.has(number));
        while (!isAnswered() && !asking.broken && performance.now() < end) {
          if (numbers.length === 0 || probe.protocol === 'udp') asking.send(numbers[numbers.push(this.#next++) - 1]);
          const rest = Math.min(RESEND_AFTER, end - performance.now());
          await this.#pumpUntil(() => asking.broken || isAnswered(), rest);
        }
        return isAnswered();
      },
      close,
    };
  }

  #address({ to, version = 4 }: Probe): string {
    const addresses = this.#hosts.get(to)?.addresses ?? [to];
    const address = addresses.find((one) => one.includes(':') === (version === 6));
    if (address === undefined) throw new Error(`${to} has no IPv${version} address`);
    return address;
  }

  #host(name: string): ProbeHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  #acceptor(host: string, socket: NonBlockingSocket, serving: Set<Watched>): Watched {
    const ready = () => {
      const { socket: connection } = socket.accept() ?? {};
      if (connection === undefined) return;
      const answerer = this.#answerer(host, connection, () => {
        serving.delete(answerer);
        connection[Symbol.dispose]();
      });
      serving.add(answerer);
    };
    return { socket, writable: false, ready };
  }

  /** Notes what arrives and sends it back. */
  #answerer(host: string, socket: NonBlockingSocket, ended: () => void): Watched {
    const ready = () => {
      const received = socket.receive();
      if (received === undefined) return;
      const { bytes, from } = received;
      if (bytes.length === 0) return ended();
      // Each is answered once, as who has no address is answered at one of the server's own.
      const numbers = numbersIn(bytes).filter((number) => !this.#arrivals.has(number));
      if (numbers.length === 0) return;
      for (const number of numbers) this.#arrivals.set(number, { host, from, at: performance.now() });
      socket.send(bytes, from.port === 0 ? undefined : from);
    };
    return { socket, writable: false, ready };
  }

  #receiver(host: string, version: 4 | 6, protocol: 'sctp' | 'icmp'): Watched {
    const socket = NonBlockingSocket.open(
      'raw',
      version,
      protocol === 'sctp' ? IP_PROTOCOLS.sctp : icmpProtocol(version),
    );
    const ready = () => {
      const received = socket.receive();
      const number = received === undefined ? undefined : numberOf(received.bytes, version, protocol);
      if (received === undefined || number === undefined || this.#arrivals.has(number)) return;
      this.#arrivals.set(number, { host, from: received.from, at: performance.now() });
    };
    return { socket, writable: false, ready };
  }
}

/** What sends numbers, and hears them again. */
class Asking implements Watched {
  readonly socket: NonBlockingSocket;
  /** Until a connection is made. */
  writable: boolean;
  broken = false;
  readonly #answers: Set<number>;
  readonly #ended: () => void;
  #held: Buffer | undefined;

  constructor(socket: NonBlockingSocket, connecting: boolean, answers: Set<number>, ended: () => void) {
    this.socket = socket;
    this.writable = connecting;
    this.#answers = answers;
    this.#ended = ended;
  }

  send(number: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(number);
    if (this.writable) this.#held = bytes;
    else this.socket.send(bytes);
  }

  ready(): void {
    if (this.writable) this.#connected();
    else this.#read();
  }

  #connected(): void {
    this.writable = false;
    if (this.socket.error() !== 0) this.#end();
    else if (this.#held !== undefined) this.socket.send(this.#held);
  }

  #read(): void {
    const received = this.socket.receive();
    if (received === undefined) return;
    if (received.bytes.length === 0) this.#end();
    for (const number of numbersIn(received.bytes)) this.#answers.add(number);
  }

  #end(): void {
    this.broken = true;
    this.#ended();
  }
}

const icmpProtocol = (version: 4 | 6) => (version === 4 ? IP_PROTOCOLS.icmp : IP_PROTOCOLS.icmpv6);

/** Numbers come four bytes each; TCP may put several together, but between these ends it tears none apart. */
function numbersIn(bytes: Buffer): number[] {
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readUInt32BE(index * 4));
}

function words({ from, to, protocol, port = 80, icmp, version = 4, source }: Probe): string {
  const as = source === undefined ? '' : ` as ${source}`;
  const what = protocol === 'icmp' ? `icmp ${icmp?.join('/') ?? 'echo'}` : `${protocol}/${port}`;
  return `${from}${as} > ${to} ${what}${version === 6 ? ' (IPv6)' : ''}`;
}

/** Requests of a client to services, without pause, and the pods that answer them: how many failed is what is looked at. */
import { join } from 'node:path';
import { httpRequest } from '../support/http.ts';
import type { Namespace } from '../support/namespaces.ts';
import { start, waitUntilReady } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import type { Scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait-for.ts';

/** Port of all services and of all pods. */
export const SERVICE_PORT = 80;

/** What is asked. */
export interface Target {
  readonly name: string;
  readonly host: string;
  /** `udp`: one packet each way. `http`: a connection for each request. `kept`: one connection for all requests. */
  readonly kind: 'udp' | 'http' | 'kept';
  /** Requests a second. */
  readonly rate: number;
}

/** What became of the requests to a target. */
export interface TargetCount {
  readonly answered: number;
  /** Why and when each of the others failed. */
  readonly failures: readonly string[];
  /** Requests of `http` that were answered over a second connection, as the first one was reset after it had been made. */
  readonly repeated: number;
  /** Answers by pod. */
  readonly pods: Readonly<Record<string, number>>;
  /** Answers by the address from which the pod saw the request come. */
  readonly sources: Readonly<Record<string, number>>;
}

/** In each namespace of a node: every pod answers who it is, and who asks. Its arguments: a port, and pods with their addresses. */
const PODS = `
const [port, pods] = process.argv.slice(1);
const answer = (pod, from) => JSON.stringify({ pod, from: from.replace('::ffff:', '') });
let waiting = 0;
const ready = () => --waiting === 0 && console.log('listens');
for (const { name, addresses } of JSON.parse(pods)) for (const host of addresses) {
  waiting += 2;
  const server = require('node:http').createServer((request, response) => response.end(answer(name, request.socket.remoteAddress)));
  server.keepAliveTimeout = 60_000;
  server.listen(Number(port), host, ready);
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (_, from) => socket.send(answer(name, from.address), from.port, from.address));
  socket.bind(Number(port), host, ready);
}
`;

/**
 * In the client's namespace: asks, and tells over a Unix socket what came of it. Every packet of UDP comes from a port of its
 * own, so that no node takes it for part of an earlier exchange.
 */
const CLIENT = `
const http = require('node:http');
const { createSocket } = require('node:dgram');
const [control, port, patience] = process.argv.slice(1);
let jobs = [];
let nextPort = 10_000;
const late = (end) => setTimeout(() => end('no answer'), Number(patience));

function udp({ host }, done) {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const end = (failure, text) => { clearTimeout(timer); socket.removeAllListeners().on('error', () => {}).close(); done(failure, text); };
  const timer = late(end);
  socket.on('message', (message) => end(undefined, message.toString()));
  socket.on('error', (error) => end(error.code));
  if (++nextPort > 60_000) nextPort = 10_000;
  socket.bind(nextPort, () => socket.connect(Number(port), host, (error) => error ? end(error.code) : socket.send('?')));
}

function get(host, agent, done) {
  let ended = false;
  const end = (failure, text) => { if (ended) return; ended = true; clearTimeout(timer); request.destroy(); done(failure, text); };
  const request = http.get({ host, port: Number(port), agent }, (response) => {
    let text = '';
    response.on('data', (part) => (text += part)).on('error', (error) => end(error.code)).on('end', () => { const all = text; ended || (ended = true, clearTimeout(timer), done(undefined, all)); });
  });
  const timer = late(end);
  request.on('error', (error) => end(error.code));
}

// A connection that cannot be made is refused, not reset: ECONNRESET says that the kernel had made it, though a client that
// got no CPU in time may hear of the reset before it hears of the connection.
function httpOnce(job, done) {
  get(job.host, false, (failure, text) => {
    if (failure !== 'ECONNRESET') return done(failure, text);
    job.count.repeated++;
    get(job.host, false, done);
  });
}

function kept(job, done) {
  job.agent ??= new http.Agent({ keepAlive: true, maxSockets: 1 });
  get(job.host, job.agent, done);
}

const KINDS = { udp, http: httpOnce, kept };

function startJob(target) {
  const job = { ...target, open: 0, count: fresh() };
  const ask = () => {
    const { count } = job;
    const when = new Date().toISOString().slice(11, 23);
    job.open++;
    KINDS[job.kind](job, (failure, text) => {
      job.open--;
      if (failure !== undefined) return count.failures.push(when + ' ' + failure);
      const { pod, from } = JSON.parse(text);
      count.answered++;
      count.pods[pod] = (count.pods[pod] ?? 0) + 1;
      count.sources[from] = (count.sources[from] ?? 0) + 1;
    });
  };
  job.timer = setInterval(ask, 1000 / job.rate);
  return job;
}

const fresh = () => ({ answered: 0, failures: [], repeated: 0, pods: {}, sources: {} });
const COMMANDS = {
  '/start': (targets) => { stop(); jobs = targets.map(startJob); },
  '/stop': stop,
  '/restart': () => { for (const job of jobs) job.count = fresh(); },
  '/counts': () => {},
};
function stop() {
  for (const { timer } of jobs) clearInterval(timer);
}

http.createServer((request, response) => {
  let text = '';
  request.on('data', (part) => (text += part)).on('end', () => {
    COMMANDS[request.url](text === '' ? undefined : JSON.parse(text));
    response.end(JSON.stringify({ open: jobs.reduce((sum, { open }) => sum + open, 0), counts: Object.fromEntries(jobs.map(({ name, count }) => [name, count])) }));
  });
}).listen(control);
`;

/** How long a request may take, in ms. A packet that was lost is not sent again within it. */
const PATIENCE = 3000;

/** A pod: its addresses are those of its node's loopback. */
export interface PodPlace {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Has these pods answer in a namespace that has their addresses. */
export async function startPods(space: Namespace, pods: readonly PodPlace[]): Promise<RunningProcess> {
  const argv = ['node', '--eval', PODS, String(SERVICE_PORT), JSON.stringify(pods)];
  const process_ = start(argv, { name: `pods of ${space.name}`, space });
  await waitFor(() => process_.output().includes('listens') || !process_.running(), {
    what: `the pods of ${space.name} to listen`,
  });
  if (!process_.running()) throw new Error(process_.output());
  return process_;
}

interface Told {
  /** Requests that are under way. */
  readonly open: number;
  readonly counts: Readonly<Record<string, TargetCount>>;
}

/** The client. */
export class Traffic implements AsyncDisposable {
  private readonly process: RunningProcess;
  private readonly scratch: Scratch;

  constructor(space: Namespace) {
    this.scratch = createScratch('traffic');
    const argv = ['node', '--eval', CLIENT, this.control, String(SERVICE_PORT), String(PATIENCE)];
    this.process = start(argv, { name: 'client', space });
  }

  /** Asks these targets from now on, and no others. */
  async start(targets: readonly Target[]): Promise<void> {
    await waitUntilReady(this.process, () => this.command('counts'));
    await this.command('start', targets);
  }

  /** Forgets what came of the requests up to now. */
  async restart(): Promise<void> {
    await this.command('restart');
  }

  /** What came of the requests up to now, by target. */
  async counts(): Promise<Readonly<Record<string, TargetCount>>> {
    return (await this.command('counts')).counts;
  }

  /** Waits until each target, or each of those that are named, has answered this many requests more. */
  async answers(more: number, ...names: readonly string[]): Promise<void> {
    const before = await this.counts();
    const chosen = names.length === 0 ? Object.keys(before) : names;
    await waitFor(() => this.counts(), {
      what: `${more} more answers of ${chosen.join(', ')}`,
      timeoutMs: 20_000,
      accept: (now) => chosen.every((name) => now[name].answered >= before[name].answered + more),
    });
  }

  /** Asks no more, waits for the last answers, and tells what came of all requests. */
  async stop(): Promise<Readonly<Record<string, TargetCount>>> {
    await this.command('stop');
    const last = await waitFor(() => this.command('counts'), {
      what: 'the last answers',
      timeoutMs: 2 * PATIENCE,
      accept: ({ open }) => open === 0,
    });
    return last.counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    this.scratch[Symbol.dispose]();
  }

  private get control(): string {
    return join(this.scratch.path, 'control');
  }

  private async command(name: string, body?: unknown): Promise<Told> {
    const options = { socketPath: this.control, method: 'POST', path: `/${name}`, agent: false } as const;
    const { status, text } = await httpRequest(options, body === undefined ? undefined : JSON.stringify(body));
    if (status !== 200) throw new Error(`${name}: ${status}: ${text}`);
    return JSON.parse(text) as Told;
  }
}

/** Which requests failed, in words; empty where none did. */
export function failures(counts: Readonly<Record<string, TargetCount>>): string[] {
  return Object.entries(counts).flatMap(([name, { answered, failures }]) =>
    failures.length === 0
      ? []
      : [`${name}: ${failures.length} of ${answered + failures.length}: ${failures.slice(0, 5).join('; ')}`],
  );
}

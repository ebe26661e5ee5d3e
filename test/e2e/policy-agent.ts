/** The built starling-policyd on a node of a test, and how it is asked. */
import { execFile } from 'node:child_process';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { AgentStatusReport, PolicyExplanation, PolicyReport } from '../../src/api/agent-types.ts';
import { httpRequest } from '../support/http.ts';
import type { Namespace } from '../support/namespaces.ts';
import { start, waitUntilReady } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait-for.ts';
import { DIST } from './daemon-client.ts';
import type { CommandResult } from './daemon-client.ts';
import { NODE } from './policy-resources.ts';

/** What is said of an event, as far as tests look at it. */
interface AgentEvent {
  readonly words: string;
}

export class TestAgent implements AsyncDisposable {
  readonly #space: Namespace;
  readonly #scratch = createScratch('policy');
  readonly #http = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #config: string;
  #process: RunningProcess | undefined;

  /** `settings` are those of the configuration file beside what every test has. */
  constructor(space: Namespace, settings: { readonly datastore: object; readonly policy?: object }) {
    this.#space = space;
    this.#config = this.configure(settings);
  }

  get socket(): string {
    return join(this.#scratch.path, 'policy.sock');
  }

  /** Where starlingd answers that has the same configuration file. */
  get daemonSocket(): string {
    return join(this.#scratch.path, 'daemon.sock');
  }

  /** Path of the configuration file. */
  get config(): string {
    return this.#config;
  }

  /** Writes the configuration file, and gives its path. */
  configure(settings: { readonly datastore: object; readonly policy?: object }): string {
    const policy = { socket: this.socket, http: '', ...settings.policy };
    const api = { socket: this.daemonSocket, http: '' };
    return this.#scratch.write('starling.yaml', stringify({ nodeName: NODE, api, ...settings, policy }));
  }

  /** Starts it without waiting for anything. */
  launch(): RunningProcess {
    const argv = ['node', join(DIST, 'policy-agent/main.js'), '--config', this.#config];
    this.#process = start(argv, { name: 'starling-policyd', space: this.#space });
    return this.#process;
  }

  /** Starts it, and waits until the kernel has its rules. */
  async start(): Promise<void> {
    const agent = this.launch();
    await waitUntilReady(agent, () => this.status());
    await this.inSync();
  }

  /** Waits until the kernel has what it should have. */
  async inSync(): Promise<AgentStatusReport> {
    return waitFor(() => this.status(), {
      what: `the rules to be in the kernel; ${this.log.slice(-2000)}`,
      accept: ({ ruleset }) => ruleset.inSync,
    });
  }

  /** Waits until a policy of this name is known, and the kernel has what follows from all that is known. */
  async knows(policy: string): Promise<void> {
    const known = async () =>
      (await this.policies()).some(({ name }) => name === policy) && (await this.status()).ruleset.inSync;
    await waitFor(known, { what: `${policy} to be known; ${this.log.slice(-2000)}`, intervalMs: 5 });
  }

  /** Ends it with a signal. */
  async end(signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): Promise<number | string | undefined> {
    this.#process?.signal(signal);
    return this.#process?.ended;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  /** What it wrote to its log. */
  get log(): string {
    return this.#process?.output() ?? '';
  }

  status(): Promise<AgentStatusReport> {
    return this.get('status');
  }

  async policies(): Promise<readonly PolicyReport[]> {
    return (await this.get<{ policies: PolicyReport[] }>('policies')).policies;
  }

  /** The words of its events. */
  async events(): Promise<readonly string[]> {
    return (await this.get<{ events: AgentEvent[] }>('events')).events.map(({ words }) => words);
  }

  explain(question: Readonly<Record<string, string | number>>): Promise<PolicyExplanation> {
    const query = Object.entries(question).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    return this.get(`policies/explain?${query.join('&')}`);
  }

  /** Runs `starling policy`. */
  starling(...argv: string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      const command = [join(DIST, 'cli/main.js'), 'policy', ...argv, '--policy-socket', this.socket];
      execFile('node', command, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
    });
  }

  async get<T>(path: string): Promise<T> {
    const options = { socketPath: this.socket, path: `/api/v1/${path}`, agent: this.#http };
    const { status, text } = await httpRequest(options);
    if (status !== 200) throw new Error(`${path}: ${status}: ${text}`);
    return JSON.parse(text) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.stop();
    this.#http.destroy();
    this.#scratch[Symbol.dispose]();
  }
}

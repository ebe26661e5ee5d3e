/** The `starling` command in this process, with and without a daemon that it asks. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { startAgentApi } from '../../src/api/agent-server.ts';
import { startDaemonApi } from '../../src/api/daemon-server.ts';
import type { ApiServer, ApiServerPlace } from '../../src/api/server.ts';
import { run } from '../../src/cli/run.ts';
import type { FakeAgentView } from './fake-agent-view.ts';
import type { FakeDaemonView } from './fake-daemon-view.ts';
import { createScratch } from './scratch.ts';
import type { Scratch } from './scratch.ts';

/** What a command said. */
interface CliOutcome {
  code: number;
  out: string;
  err: string;
}

/** What a command sees around it. */
interface Surroundings {
  /** Sees all that was written so far, after each write. */
  readonly onWrite?: (out: string) => void;
  readonly environment?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  readonly signal?: AbortSignal;
}

/** Runs a command. */
export async function runCli(argv: readonly string[], around: Surroundings = {}): Promise<CliOutcome> {
  const outcome: CliOutcome = { code: -1, out: '', err: '' };
  outcome.code = await run(argv, {
    write: async (text) => {
      outcome.out += text;
      around.onWrite?.(outcome.out);
    },
    writeError: (text) => void (outcome.err += text),
    isTerminal: around.isTerminal ?? false,
    environment: around.environment ?? {},
    signal: around.signal ?? new AbortController().signal,
  });
  return outcome;
}

/** A process with its API on a socket, and over TCP on a port of its own, and commands that ask it: a daemon, or an agent. */
export class CliWorld<V = FakeDaemonView> implements AsyncDisposable {
  readonly daemon: V;
  readonly scratch: Scratch;
  readonly server: ApiServer;

  private constructor(daemon: V, scratch: Scratch, server: ApiServer) {
    this.daemon = daemon;
    this.scratch = scratch;
    this.server = server;
  }

  static start(daemon: FakeDaemonView): Promise<CliWorld> {
    return CliWorld.serve(daemon, (place) => startDaemonApi({ ...place, view: daemon }));
  }

  static startAgent(agent: FakeAgentView): Promise<CliWorld<FakeAgentView>> {
    return CliWorld.serve(agent, (place) => startAgentApi({ ...place, view: agent }));
  }

  private static async serve<V>(view: V, start: (place: ApiServerPlace) => Promise<ApiServer>): Promise<CliWorld<V>> {
    const scratch = createScratch('cli');
    const server = await start({
      socket: join(scratch.path, 's'),
      http: { host: '127.0.0.1', port: 0 },
      onDefect: (error) => expect.fail(String(error)),
    });
    return new CliWorld(view, scratch, server);
  }

  get socket(): string {
    return join(this.scratch.path, 's');
  }

  /** Runs a command that finds the socket by its environment. */
  run(argv: readonly string[], around: Surroundings = {}): Promise<CliOutcome> {
    const sockets = { STARLING_API_SOCKET: this.socket, STARLING_POLICY_SOCKET: this.socket };
    return runCli(argv, { ...around, environment: { ...sockets, ...around.environment } });
  }

  starling(...argv: readonly string[]): Promise<CliOutcome> {
    return this.run(argv);
  }

  /** What a command writes that must succeed without a word on standard error. */
  async output(...argv: readonly string[]): Promise<string> {
    const { code, out, err } = await this.starling(...argv);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    this.scratch[Symbol.dispose]();
  }
}

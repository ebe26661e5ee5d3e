/** Child processes for tests and benchmarks: started in a namespace, their output kept, ended by pid, never outliving us. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { waitFor } from './wait-for.ts';

/** What can hold processes: a network namespace, see `namespaces.ts`. */
export interface ProcessSpace {
  /** Name of the namespace as `ip netns` knows it. */
  readonly name: string;
}

/** How to start a process. */
export interface StartOptions {
  /** Name in messages; the program's name when left out. */
  readonly name?: string;
  /** The network namespace to run in; the current one when left out. */
  readonly space?: ProcessSpace | undefined;
  /** The CPU to pin the process to, as `taskset -c` takes it. */
  readonly cpu?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv;
  readonly directory?: string;
}

/** A started process. */
export interface RunningProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Resolves with the exit code, or the signal's name, once the process has ended. */
  readonly ended: Promise<number | string>;
  /** Whether the process still runs. */
  running(): boolean;
  /** The last part (256 KiB) of what it wrote to standard output and standard error. */
  output(): string;
  /** Sends a signal, e.g. SIGKILL. */
  signal(signal: NodeJS.Signals): void;
  /** Stops the process and its children as by SIGSTOP, so that it falls silent while its connections stay. */
  readonly freeze: () => void;
  /** Lets them go on. */
  readonly thaw: () => void;
  /** Ends the process: SIGTERM, and SIGKILL where that has no effect within `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

/** A command failed. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(argv: readonly string[], code: string | number, output: string) {
    super(`${argv.join(' ')}: ${code}: ${output.trim().slice(-2000)}`);
  }
}

const OUTPUT_LIMIT = 256 * 1024;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The command line that runs `argv` as `options` want it. The process dies with the one that started it. */
function wrapped(argv: readonly string[], options: StartOptions): string[] {
  const inNamespace = options.space === undefined ? [] : ['nsenter', `--net=/run/netns/${options.space.name}`];
  const pinned = options.cpu === undefined ? [] : ['taskset', '-c', options.cpu];
  return [...inNamespace, 'setpriv', '--pdeathsig', 'KILL', ...pinned, ...argv];
}

/** Signals a process and, if it has any, its children. */
function signalTree(pid: number, signal: NodeJS.Signals): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  for (const one of [pid, ...children.map(Number)]) process.kill(one, signal);
}

/** Starts a process. Each wrapper replaces itself by the next, so that the pid is the program's own. */
export function start(argv: readonly string[], options: StartOptions = {}): RunningProcess {
  const name = options.name ?? argv[0];
  const [program, ...rest] = wrapped(argv, options);
  const child = spawn(program, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.environment === undefined ? {} : { env: { ...process.env, ...options.environment } }),
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
  });
  const { pid } = child;
  if (pid === undefined) throw new CommandError(argv, 'cannot be started', program);
  running.add(child);
  let output = '';
  const keep = (text: string) => {
    output = (output + text).slice(-OUTPUT_LIMIT);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal ?? 'unknown');
    });
  });
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const stop = async (graceMs = 2000): Promise<void> => {
    if (!isRunning()) return;
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await ended;
    clearTimeout(timer);
  };
  return {
    name,
    pid,
    ended,
    running: isRunning,
    output: () => output,
    signal: (signal) => void child.kill(signal),
    freeze: () => signalTree(pid, 'SIGSTOP'),
    thaw: () => signalTree(pid, 'SIGCONT'),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** Runs a command to its end and returns its standard output. Throws {@link CommandError} where it fails. */
export function run(
  argv: readonly string[],
  options: StartOptions & { readonly timeoutMs?: number } = {},
): Promise<string> {
  const [program, ...rest] = wrapped(argv, options);
  return new Promise((resolve, reject) => {
    execFile(
      program,
      rest,
      { maxBuffer: 1 << 28, timeout: options.timeoutMs ?? 30_000, cwd: options.directory },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new CommandError(argv, error.code ?? error.signal ?? 'failed', stderr + stdout));
      },
    );
  });
}

/** Waits until a process answers `probe` without an error; fails at once, with its output, when the process ends. */
export async function waitUntilReady(
  process_: RunningProcess,
  probe: () => Promise<unknown>,
  timeoutMs = 15_000,
): Promise<void> {
  await waitFor(
    async () => {
      if (!process_.running()) throw new EndedError(process_.name, process_.output());
      return probe().then(
        () => true,
        (error: unknown) => String(error),
      );
    },
    { what: `${process_.name} to answer`, timeoutMs, accept: (answer) => answer === true },
  );
}

/** A process ended that should be running. */
class EndedError extends Error {
  override readonly name = 'EndedError';
  constructor(name: string, output: string) {
    super(`${name} has ended; it wrote:\n${output.slice(-4000)}`);
  }
}

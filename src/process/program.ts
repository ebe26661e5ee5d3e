/** A daemon as a process: command line, signals and exit codes. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from './config.ts';
import type { Config } from './config.ts';
import type { AnyEventLog } from './event-log.ts';
import { createLog } from './log.ts';
import type { Log } from './log.ts';
import { notifyServiceManager } from './service-manager.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** What a daemon needs of its process. */
export interface ProgramEnvironment {
  readonly version: string;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called when somebody asked over the API to stop. */
  readonly onShutdown: (forGood: boolean) => void;
  /** Called when something failed without which the daemon does not do its work: it is to be stopped and started again. */
  readonly onFailure: (words: string) => void;
}

/** What a process needs of its daemon. */
export interface Program {
  readonly events: AnyEventLog;
  /** Rejects with what keeps it from working at all. */
  start(): Promise<void>;
  /** Takes a configuration that was read anew. */
  reload(config: Config): void;
  /** For a restart, what it told the kernel stays; for good, it goes. */
  stop(forGood: boolean): Promise<void>;
  /** Stops because of SIGTERM. May be called again meanwhile. */
  terminate(): Promise<void>;
}

/** Reads the configuration of this node; may be called again. Throws {@link ConfigError}. */
type ReadConfig = () => Config;

/** Runs the daemon `name` until a signal, or somebody over the API, ends it, and the process with it. */
export async function runProgram(
  name: string,
  create: (config: Config, environment: ProgramEnvironment) => Program,
): Promise<void> {
  const read = commandLine(name);
  const config = read && firstConfig(read);
  if (read === undefined || config === undefined) return;
  const log = createLog({ ...config.log, now: Date.now, write: (line) => process.stderr.write(line) });
  const program = create(config, {
    version: version(),
    log,
    now: Date.now,
    onShutdown: (forGood) => setImmediate(() => void end(log, () => program.stop(forGood))),
    onFailure: (words) => {
      // A restart costs no packet; a daemon that stands still would fall further and further behind.
      log.error(`${words}; ${name} ends, so that it is started again`);
      void end(log, () => program.stop(false), EXIT_FAILURE);
    },
  });
  // A second one does not wait for what the first one began.
  process.on('SIGTERM', () => void end(log, () => program.terminate()));
  process.once('SIGINT', () => void end(log, () => program.stop(true)));
  process.on('SIGHUP', () => reload(program, read));
  try {
    await program.start();
    await tellReady(log);
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
    await program.stop(false).catch(() => undefined);
    process.exit(EXIT_FAILURE);
  }
}

/** Reads the command line; undefined when there is nothing left to do. */
function commandLine(name: string): ReadConfig | undefined {
  try {
    const { values } = parseArgs({
      options: { config: { type: 'string' }, version: { type: 'boolean' }, help: { type: 'boolean' } },
    });
    if (values.help === true) process.stdout.write(usage(name));
    else if (values.version === true) process.stdout.write(`${name} ${version()}\n`);
    else {
      const file = values.config === undefined ? {} : { path: values.config };
      return () => loadConfig({ ...file, environment: process.env, hostName: hostname() });
    }
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n${usage(name)}`);
    process.exitCode = EXIT_USAGE;
  }
  return undefined;
}

function usage(name: string): string {
  return `usage: ${name} [--config FILE]

  --config FILE   configuration of this node; without it defaults and environment variables count
  --version       print the version
  --help          print this
`;
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
}

/** The configuration to start with; undefined when it can't be used, which is said. */
function firstConfig(read: ReadConfig): Config | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT_USAGE;
    return undefined;
  }
}

/** Whoever waits for the daemon to be up may go on (systemd's `Type=notify`). */
async function tellReady(log: Log): Promise<void> {
  try {
    await notifyServiceManager('READY=1', process.env.NOTIFY_SOCKET);
  } catch (error) {
    log.warn(error instanceof Error ? error.message : String(error));
  }
}

/** Reads the configuration again; while it is wrong, the old one stays in force. */
function reload(program: Program, read: ReadConfig): void {
  try {
    program.reload(read());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { where, field, message } of error.problems) {
      const words = field === '' ? message : `${field} ${message}`;
      program.events.add('config', where, `${words}; the configuration in force stays`, 'error');
    }
  }
}

async function end(log: Log, stop: () => Promise<void>, exitCode = 0): Promise<void> {
  try {
    await stop();
    process.exit(exitCode);
  } catch (error) {
    log.error('stopping failed', { error });
    process.exit(EXIT_FAILURE);
  }
}

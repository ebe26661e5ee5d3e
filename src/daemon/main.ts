#!/usr/bin/env node
/** starlingd: command line, signals and exit codes around the daemon. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { loadKernelSockets } from '../bgp/session/kernel-sockets.ts';
import type { KernelSockets } from '../bgp/session/kernel-sockets.ts';
import { ReadBudget } from '../bgp/session/read-budget.ts';
import type { SessionEnvironment } from '../bgp/session/session-handler.ts';
import { ConfigError, loadConfig } from '../process/config.ts';
import type { Config } from '../process/config.ts';
import { Daemon } from './daemon.ts';
import { createLog } from '../process/log.ts';
import type { Log } from '../process/log.ts';
import { notifyServiceManager } from '../process/service-manager.ts';

const USAGE = `usage: starlingd [--config FILE]

  --config FILE   configuration of this node; without it defaults and environment variables count
  --version       print the version
  --help          print this
`;

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
}

/** Reads the configuration of this node; may be called again. Throws {@link ConfigError}. */
type ReadConfig = () => Config;

/** Reads the command line; undefined when there is nothing left to do. */
function commandLine(): ReadConfig | undefined {
  try {
    const { values } = parseArgs({
      options: { config: { type: 'string' }, version: { type: 'boolean' }, help: { type: 'boolean' } },
    });
    if (values.help === true) process.stdout.write(USAGE);
    else if (values.version === true) process.stdout.write(`starlingd ${version()}\n`);
    else {
      const file = values.config === undefined ? {} : { path: values.config };
      return () => loadConfig({ ...file, environment: process.env, hostName: hostname() });
    }
  } catch (error) {
    process.stderr.write(`starlingd: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exitCode = EXIT_USAGE;
  }
  return undefined;
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

/** What sessions share. Without the kernel's socket options those that need one stay down, and say so. */
function sessionEnvironment(log: Log): SessionEnvironment {
  let kernel: KernelSockets | undefined;
  try {
    kernel = loadKernelSockets();
  } catch (error) {
    log.warn(`TCP MD5 and GTSM are out of reach: ${error instanceof Error ? error.message : String(error)}`);
  }
  return {
    kernel,
    readBudget: new ReadBudget(),
    random: Math.random,
    log: (level, words, subject) => log[level](words, { subject }),
  };
}

async function run(config: Config, read: ReadConfig): Promise<void> {
  const log = createLog({ ...config.log, now: Date.now, write: (line) => process.stderr.write(line) });
  const daemon = new Daemon(config, {
    version: version(),
    log,
    now: Date.now,
    session: sessionEnvironment(log),
    onShutdown: (forGood) => setImmediate(() => void end(daemon, log, forGood)),
    onFailure: (words) => {
      // A restart costs no packet; a daemon whose routes stand still would lose more and more of them.
      log.error(`${words}; starlingd ends, so that it is started again`);
      void end(daemon, log, false, EXIT_FAILURE);
    },
  });
  // A second one does not wait for what the first one began.
  process.on('SIGTERM', () => void stopBySignal(daemon, log));
  process.once('SIGINT', () => void end(daemon, log, true));
  process.on('SIGHUP', () => reload(daemon, read));
  try {
    await daemon.start();
    await tellReady(log);
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
    await daemon.stop(false).catch(() => undefined);
    process.exit(EXIT_FAILURE);
  }
}

/** For a restart; where the node goes down, everything is withdrawn in order, and only the kernel is left as it is. */
async function stopBySignal(daemon: Daemon, log: Log): Promise<void> {
  const isDrained = await daemon.drain.beforeStop().catch((error: unknown) => {
    log.error('the drain before the stop failed', { error });
    return false;
  });
  await end(daemon, log, isDrained, 0, true);
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
function reload(daemon: Daemon, read: ReadConfig): void {
  try {
    daemon.reload(read());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { where, field, message } of error.problems) {
      const words = field === '' ? message : `${field} ${message}`;
      daemon.events.add('config', where, `${words}; the configuration in force stays`, 'error');
    }
  }
}

async function end(daemon: Daemon, log: Log, forGood: boolean, exitCode = 0, keepRoutes = !forGood): Promise<void> {
  try {
    await daemon.stop(forGood, keepRoutes);
    process.exit(exitCode);
  } catch (error) {
    log.error('stopping failed', { error });
    process.exit(EXIT_FAILURE);
  }
}

const read = commandLine();
const config = read === undefined ? undefined : firstConfig(read);
if (read !== undefined && config !== undefined) await run(config, read);

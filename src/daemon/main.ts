#!/usr/bin/env node
/** starlingd: the BGP daemon as a process. */
import { loadKernelSockets } from '../bgp/session/kernel-sockets.ts';
import type { KernelSockets } from '../bgp/session/kernel-sockets.ts';
import { ReadBudget } from '../bgp/session/read-budget.ts';
import type { SessionEnvironment } from '../bgp/session/session-handler.ts';
import type { Log } from '../process/log.ts';
import { runProgram } from '../process/program.ts';
import { Daemon } from './daemon.ts';

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

await runProgram(
  'starlingd',
  (config, environment) => new Daemon(config, { ...environment, session: sessionEnvironment(environment.log) }),
);

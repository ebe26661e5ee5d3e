/** starling-policyd on the node that is measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { httpRequest } from '../../test/support/http.ts';
import { start } from '../../test/support/processes.ts';
import type { RunningProcess } from '../../test/support/processes.ts';
import type { Scratch } from '../../test/support/scratch.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import type { Places } from '../places.ts';
import { NODE } from './contents.ts';

const PROGRAM = 'dist/policy-agent/main.js';
const START_TIMEOUT_MS = 120_000;
/** How often it is asked whether it is ready. */
const POLL_MS = 20;

/** Starts it; `url` is that of etcd. */
export function launchAgent(scratch: Scratch, url: string, { here }: Places): RunningProcess {
  const config = {
    nodeName: NODE,
    datastore: { type: 'etcd', etcd: { endpoints: [url] }, cache: '' },
    api: { socket: '', http: '' },
    policy: { socket: join(scratch.path, 'policy.sock'), http: '' },
  };
  const file = scratch.write('starling.yaml', stringify(config));
  return start(['node', PROGRAM, '--config', file], { name: 'starling-policyd', space: here });
}

/** Waits until the kernel has all rules. */
export async function untilReady(scratch: Scratch, agent: RunningProcess): Promise<void> {
  const asked = { socketPath: join(scratch.path, 'policy.sock'), path: '/readyz', agent: false };
  const look = async () => {
    if (!agent.running()) throw new Error(`starling-policyd has ended: ${agent.output()}`);
    return (await httpRequest(asked).catch(() => undefined))?.status;
  };
  await waitFor(look, {
    what: 'starling-policyd to be ready',
    timeoutMs: START_TIMEOUT_MS,
    intervalMs: POLL_MS,
    accept: (status) => status === 200,
  });
}

/** Memory of the process alone, in bytes. */
export function residentBytes({ pid }: RunningProcess): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

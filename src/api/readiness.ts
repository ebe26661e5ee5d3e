/** Whether the node should get traffic, judged from the status of a process. */
import type { AgentStatusReport } from './agent-types.ts';
import type { StatusReport } from './types.ts';

/** How many sessions must be established: `any` is content with one, and with none where no peer is configured. */
export type PeerRequirement = 'none' | 'any' | 'all';

export interface ReadinessCheck {
  readonly name: 'config' | 'datastore' | 'fib' | 'peers' | 'ruleset';
  readonly ok: boolean;
  readonly words: string;
}

/** The checks of readiness, in the order in which a starting daemon passes them. */
export function readinessChecks(status: StatusReport, peers: PeerRequirement): readonly ReadinessCheck[] {
  return [configCheck(status), datastoreCheck(status), fibCheck(status), peersCheck(status, peers)];
}

/** The same of the policy agent. */
export function agentReadinessChecks(status: AgentStatusReport): readonly ReadinessCheck[] {
  return [configCheck(status), datastoreCheck(status), rulesetCheck(status)];
}

function configCheck(status: Pick<StatusReport, 'configLoaded'>): ReadinessCheck {
  const ok = status.configLoaded;
  return { name: 'config', ok, words: ok ? 'configuration loaded' : 'configuration not loaded' };
}

function datastoreCheck({ datastore }: Pick<StatusReport, 'datastore'>): ReadinessCheck {
  // Serving from the last known state is what a node should do while its datastore is away.
  const ok = datastore.state === 'synced' || datastore.state === 'cached';
  const error = !ok && datastore.lastError !== null ? `: ${datastore.lastError.words}` : '';
  const { cacheWritten } = datastore;
  const disk = cacheWritten === null ? '' : ` on disk, written at ${cacheWritten.time}, since ${datastore.since.time}`;
  const state = {
    syncing: 'has not given all resources yet',
    synced: 'synced',
    cached: `away; serving from the last known state${disk}`,
    failed: 'failed',
  }[datastore.state];
  return { name: 'datastore', ok, words: `${datastore.type} datastore ${state}${error}` };
}

function fibCheck({ fib }: StatusReport): ReadinessCheck {
  if (!fib.enabled) return { name: 'fib', ok: true, words: 'kernel routes are switched off' };
  const counts = `${fib.installed} of ${fib.desired} routes`;
  if (fib.inSync) return { name: 'fib', ok: true, words: `kernel in sync, ${counts}` };
  const error = fib.lastError === null ? '' : `: ${fib.lastError.words}`;
  return { name: 'fib', ok: false, words: `kernel has ${counts}${error}` };
}

/** Changes are on their way to the kernel all the time: what counts is that it takes them. */
export function isInForce({ appliedAt, lastError }: AgentStatusReport['ruleset']): boolean {
  return appliedAt !== null && lastError === null;
}

function rulesetCheck({ ruleset }: AgentStatusReport): ReadinessCheck {
  const { table, appliedAt, lastError } = ruleset;
  if (isInForce(ruleset))
    return { name: 'ruleset', ok: true, words: `table ${table} of the kernel is as it should be` };
  const error = lastError === null ? '' : `: ${lastError.words}`;
  const what = appliedAt === null ? 'was not written yet' : 'is behind';
  return { name: 'ruleset', ok: false, words: `table ${table} of the kernel ${what}${error}` };
}

function peersCheck({ peers }: StatusReport, requirement: PeerRequirement): ReadinessCheck {
  const enabled = peers.total - peers.disabled;
  const ok =
    requirement === 'none' ||
    (requirement === 'any' ? peers.established > 0 || peers.total === 0 : peers.established >= enabled);
  const disabled = peers.disabled === 0 ? '' : `, ${peers.disabled} disabled`;
  return { name: 'peers', ok, words: `${peers.established} of ${peers.total} sessions established${disabled}` };
}

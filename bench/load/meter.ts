/** CPU time and memory of a process and its descendants, from /proc. */
import { readFileSync, readdirSync } from 'node:fs';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process or thread has just ended.
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The process and all processes below it. */
function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of list('/proc').filter((name) => /^\d+$/.test(name))) {
    // Fields after the command name, which may hold spaces (proc(5)): state, ppid, ...
    const fields = read(`/proc/${entry}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ');
    parents.set(Number(entry), Number(fields[1]));
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

/** Nanoseconds on a CPU of one process, all its living threads, as the scheduler counts them (utime + stime, but exact). */
function cpuNanoseconds(pid: number): number {
  let sum = 0;
  for (const thread of list(`/proc/${pid}/task`))
    sum += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] || 0);
  return sum;
}

function kilobytes(path: string, field: string): number {
  const [, value] = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(path)) ?? [];
  return Number(value ?? 0);
}

/** Seconds of CPU time that these processes and those below them used so far. */
export function cpuSeconds(roots: readonly number[]): number {
  return roots.flatMap(processTree).reduce((sum, pid) => sum + cpuNanoseconds(pid), 0) / 1e9;
}

/** The sum of the processes' largest resident sets (VmHWM), in bytes. */
export function peakMemoryBytes(roots: readonly number[]): number {
  return roots.flatMap(processTree).reduce((sum, pid) => sum + kilobytes(`/proc/${pid}/status`, 'VmHWM'), 0) * 1024;
}

/** The sum of the processes' proportional set sizes, in bytes: what several share counts once in all. */
export function proportionalBytes(roots: readonly number[]): number {
  return roots.flatMap(processTree).reduce((sum, pid) => sum + kilobytes(`/proc/${pid}/smaps_rollup`, 'Pss'), 0) * 1024;
}

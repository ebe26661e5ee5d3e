/** Network namespaces of their own for tests and benchmarks, linked by veth, removed again even after a crash. */
import { execFileSync } from 'node:child_process';

/** A network namespace with one link, `eth0`. Disposing of it removes its links as well. */
export interface Namespace extends Disposable {
  readonly name: string;
}

const PREFIX = 'slt';

let created = 0;
const existing = new Set<string>();
process.once('exit', () => {
  for (const name of existing) removeNamespace(name);
});

function ip(...words: string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs many `ip` commands, one a line, in a namespace. */
function ipBatch(name: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', name, '-batch', '-'], { input: lines.join('\n'), stdio: ['pipe', 'pipe', 'pipe'] });
}

function removeNamespace(name: string): void {
  try {
    ip('netns', 'delete', name);
  } catch {
    // Already gone.
  }
  existing.delete(name);
}

/** Removes namespaces of runs that were killed: their names carry the pid of a process that no longer exists. */
function removeLeftovers(): void {
  for (const line of ip('netns', 'list').split('\n')) {
    const [, pid] = new RegExp(`^${PREFIX}-(\\d+)-`).exec(line) ?? [];
    if (pid !== undefined && !processExists(Number(pid))) removeNamespace(line.split(' ')[0]);
  }
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Makes an empty namespace whose loopback is up. `label` appears in its name. */
export function createNamespace(label: string): Namespace {
  if (created === 0) removeLeftovers();
  const name = `${PREFIX}-${process.pid}-${++created}-${label}`;
  ip('netns', 'add', name);
  existing.add(name);
  ip('-n', name, 'link', 'set', 'lo', 'up');
  return { name, [Symbol.dispose]: () => removeNamespace(name) };
}

/** One end of a link: where it is, what it is called there and which addresses (with prefix length) it gets. */
export interface LinkEnd {
  readonly namespace: Namespace;
  readonly device?: string;
  readonly addresses: readonly string[];
}

/** Links two namespaces by a veth pair, both ends up, with their addresses usable at once (no duplicate detection). */
export function link(a: LinkEnd, b: LinkEnd): void {
  const device = (end: LinkEnd) => end.device ?? 'eth0';
  ip(
    'link',
    'add',
    device(a),
    'netns',
    a.namespace.name,
    'type',
    'veth',
    'peer',
    'name',
    device(b),
    'netns',
    b.namespace.name,
  );
  for (const end of [a, b]) {
    addAddresses(end.namespace, device(end), end.addresses);
    ip('-n', end.namespace.name, 'link', 'set', device(end), 'up');
  }
}

/** Gives a device addresses. */
function addAddresses(namespace: Namespace, device: string, addresses: readonly string[]): void {
  const lines = addresses.map((address) => {
    const duplicateDetection = address.includes(':') ? ' nodad' : '';
    return `address add ${address} dev ${device}${duplicateDetection}`;
  });
  ipBatch(namespace.name, lines);
}

/**
 * Routes to the workloads of this node: host routes over the interfaces that a CNI plugin or an OpenStack agent made for
 * them. The advertiser announces those that no block of the node covers.
 */
import { IPV4_UNICAST, addressBits } from '../net/family.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';

/** The route to a workload: a host prefix. */
export interface WorkloadRoute extends Prefix, WorkloadWay {}

/** How the kernel reaches a workload. */
export interface WorkloadWay {
  readonly interface: string;
  /** Metric of the route in the kernel; 0 where it has none. */
  readonly metric: number;
}

/** What came, or is reached in another way, and what went. */
export interface WorkloadChanges {
  readonly added: WorkloadRoute[];
  readonly removed: Prefix[];
}

/** Tells the interfaces of workloads by name, and collects changes of their routes until somebody takes them. */
export class WorkloadRoutes {
  private patterns: readonly RegExp[];
  /** What was told of, by prefix. */
  private readonly told = new Map<string, WorkloadWay>();
  /** What may have changed since, by prefix. */
  private readonly touched = new Map<string, Prefix>();

  /** `interfaces` are globs: `*` stands for any characters, `?` for one. */
  constructor(interfaces: readonly string[]) {
    this.patterns = interfaces.map(globPattern);
  }

  /** Takes other globs. */
  setInterfaces(interfaces: readonly string[]): void {
    this.patterns = interfaces.map(globPattern);
  }

  /** Whether an interface of this name belongs to a workload. */
  matches(name: string): boolean {
    return this.patterns.some((pattern) => pattern.test(name));
  }

  /** Notes that the routes of a prefix may have changed. */
  touch(prefix: Prefix): void {
    if (isHostOfWorkload(prefix)) this.touched.set(formatPrefix(prefix), prefix);
  }

  /** What changed since the last call, with `wayTo` as what holds now; undefined if nothing did. */
  take(wayTo: (prefix: Prefix) => WorkloadWay | undefined): WorkloadChanges | undefined {
    const added: WorkloadRoute[] = [];
    const removed: Prefix[] = [];
    for (const [key, prefix] of this.touched) {
      const way = wayTo(prefix);
      const before = this.told.get(key);
      if (way?.interface === before?.interface && way?.metric === before?.metric) continue;
      if (way === undefined) {
        this.told.delete(key);
        removed.push(prefix);
      } else {
        this.told.set(key, way);
        added.push({ ...prefix, ...way });
      }
    }
    this.touched.clear();
    return added.length + removed.length === 0 ? undefined : { added, removed };
  }
}

/** Whether a prefix is a single address that a workload can have: neither link-local nor multicast. */
function isHostOfWorkload({ family, words: [a0], length }: Prefix): boolean {
  if (length !== addressBits(family)) return false;
  // 169.254.0.0/16 (RFC 3927), 224.0.0.0/4 (RFC 5771); fe80::/10 and ff00::/8 (RFC 4291 §2.4)
  if (family === IPV4_UNICAST) return a0 >>> 16 !== 0xa9fe && a0 >>> 28 !== 0xe;
  return a0 >>> 22 !== 0x3fa && a0 >>> 24 !== 0xff;
}

function globPattern(glob: string): RegExp {
  const escaped = glob.replaceAll(/[\\^$.|+()[\]{}]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

/** A FIB engine over a kernel in memory: `eth1` to `eth3`, on each 10.0.n.0/24 and fd00:n::/64. */
import { expect } from 'vitest';
import { FibEngine } from '../../src/fib/fib-engine.ts';
import type { FibEngineOptions } from '../../src/fib/fib-engine.ts';
import { NetlinkClient } from '../../src/fib/netlink/netlink-client.ts';
import { NetlinkError } from '../../src/fib/netlink/netlink-error.ts';
import type { FibNextHop } from '../../src/fib/next-hop.ts';
import { routeHead } from '../../src/fib/worker-messages.ts';
import type { FibRepair, FibRoute, FibTrouble } from '../../src/fib/worker-messages.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { FakeKernel } from './fake-kernel.ts';

/** Numbers of protocols (rtnetlink(7)). */
export const BIRD = 12;
export const STATIC = 4;
const ENOBUFS = 105;

/** Changes of one turn, in words. */
export interface WorldUpdate {
  readonly define?: Readonly<Record<number, readonly FibNextHop[]>>;
  /** Groups by prefix, 0 for none. */
  readonly routes?: Readonly<Record<string, number>>;
  readonly release?: readonly number[];
}

/** The kernel, the engine, and what it told. */
export class FibWorld {
  readonly kernel = new FakeKernel();
  engine: FibEngine;
  troubles: FibTrouble[] = [];
  repairs: FibRepair[] = [];

  constructor(options: Partial<FibEngineOptions> = {}) {
    for (const n of [1, 2, 3]) this.kernel.addLink(`eth${n}`, n, `10.0.${n}.0/24`, `fd00:${n}::/64`);
    this.engine = this.start(options);
  }

  /** Starts another engine over the same kernel, as a restart does. */
  start(options: Partial<FibEngineOptions> = {}): FibEngine {
    this.troubles = [];
    this.repairs = [];
    this.kernel.changes.length = 0;
    this.kernel.forgetAnswers();
    const all: FibEngineOptions = {
      owner: { table: 254, protocol: BIRD, metric: 1024 },
      maxPaths: 4,
      preferredSource: [],
      resilient: undefined,
      workloadInterfaces: [],
      ...options,
    };
    this.engine = new FibEngine(all, new NetlinkClient(this.kernel), {
      trouble: (trouble) => this.troubles.push(trouble),
      repaired: (repair) => this.repairs.push(repair),
    });
    this.engine.start();
    return this.engine;
  }

  /** Gives the engine an update. */
  give({ define = {}, routes = {}, release = [] }: WorldUpdate): void {
    this.engine.update({
      definitions: Object.entries(define).map(([id, hops]) => ({ id: Number(id), hops })),
      words: Uint32Array.from(Object.entries(routes).flatMap(([prefix, group]) => routeWords(prefix, group))),
      releases: release,
    });
  }

  /** Gives the engine an update and lets it work until it rests. */
  update(update: WorldUpdate): void {
    this.give(update);
    this.settle();
  }

  /** Lets the engine work until it rests. */
  settle(): void {
    for (let steps = 0; this.engine.step(); steps++) expect(steps).toBeLessThan(1000);
  }

  /** Gives the engine what the kernel tells, and lets it work until it rests. */
  deliver(): void {
    this.kernel.deliver((message) => this.engine.notified(message));
    this.engine.react();
    this.settle();
  }

  /** Ends the initial sync. */
  sync(): void {
    this.engine.endOfInitialSync();
    this.settle();
  }

  /** Has the engine compare with the kernel, and lets it work until it rests. */
  resync(): void {
    this.engine.resync();
    this.settle();
  }

  /** Does what the worker does, timers and all, until nothing is left to do. */
  rest(): void {
    for (let rounds = 0; rounds < 20; rounds++) {
      this.deliver();
      if (this.engine.stale || this.engine.doubtful) this.engine.resync();
      else if (this.engine.refused) this.engine.retry();
      else return;
      this.settle();
    }
    expect.unreachable('the engine never rests');
  }

  /** Loses the answer to the next request. */
  loseAnswer(): void {
    this.kernel.beforeReceive = () => {
      this.kernel.beforeReceive = () => {};
      throw new NetlinkError('read from the kernel', ENOBUFS);
    };
  }

  /** Our routes in the kernel, in words. */
  get table(): string[] {
    return this.kernel.table(BIRD);
  }

  /** Changes of the kernel since the last call. */
  takeChanges(): string[] {
    return this.kernel.changes.splice(0);
  }

  /** All routes as they are listed. */
  list(): FibRoute[] {
    return this.engine.page({ after: 0, limit: 1000 }).routes;
  }

  find(prefix: string): FibRoute | undefined {
    return this.engine.find(parsePrefix(prefix));
  }
}

/** Next hops of weight 1. */
export function via(...addresses: string[]): FibNextHop[] {
  return addresses.map((address) => ({ address, weight: 1 }));
}

function routeWords(prefix: string, group: number): number[] {
  const { family, words, length } = parsePrefix(prefix);
  return [routeHead(family, length), ...words, group];
}

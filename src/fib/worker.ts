/**
 * Entry of the FIB's worker thread: gives the engine its sockets, timers and messages. The kernel can take hundreds of
 * milliseconds for a single batch, which must not hold up the sessions.
 */
import koffi from 'koffi';
import { parentPort, workerData } from 'node:worker_threads';
import { parseAddress } from '../net/address.ts';
import { Backoff } from './backoff.ts';
import { FibEngine } from './fib-engine.ts';
import {
  RTM_DELRULE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_NEXTHOP,
} from './netlink/constants.ts';
import { loadLibc } from './netlink/libc.ts';
import { MessageReader } from './netlink/message-reader.ts';
import { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import { NetlinkSocket } from './netlink/netlink-socket.ts';
import { PolicyRules } from './policy-rules.ts';
import type { FibAnswer, FibRequest, FibTrouble, WorkerOptions } from './worker-messages.ts';

/** Changes come in bursts: wait this long before what the kernel has is compared anew, in milliseconds. */
const SETTLE_TIME = 100;
/** And this many times as long as the last comparison took. */
const SETTLE_FACTOR = 5;
/** How long to wait after a failed exchange with the kernel, in milliseconds. */
const RECOVERY_TIME = 1000;
/** How often neighbours that don't answer are tried again, in milliseconds. */
const PROBE_TIME = 1000;
/** Longest that the main thread waits for news while there is work, in milliseconds. */
const STATUS_TIME = 100;
/** How long to read notifications before drawing the consequences, in milliseconds: a lost link may be among many others. */
const DRAIN_TIME = 2;
/** How long to go on writing at a stop after which the routes stay, in milliseconds: the next start writes the rest. */
const STOP_TIME = 2000;
/** Most datagrams of notifications that are discarded at once. */
const MOST_NOTIFICATIONS = 50_000;
/** Room for a burst of notifications, in bytes: a CNI plugin or an operator may change tens of thousands of routes. */
const NOTIFICATION_BUFFER = 16 << 20;

const NOTIFICATION_GROUPS = [
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_NEXTHOP,
];

/** The engine with its surroundings. */
class FibWorker {
  private readonly engine: FibEngine;
  private readonly rules: PolicyRules;
  private readonly wantedRules: WorkerOptions['rules'];
  /** What could not be done about the rules the last time. */
  private ruleTroubles: readonly FibTrouble[] = [];
  private rulesDue = false;
  private readonly commands: NetlinkSocket;
  private readonly notifications: NetlinkSocket;
  private readonly reader = new MessageReader();
  private readonly buffer = new Uint8Array(65536);
  private readonly backoff = new Backoff();
  private readonly probeTimer: NodeJS.Timeout;
  private poll: ReturnType<typeof koffi.node.poll> | undefined;
  private resyncTimer: NodeJS.Timeout | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private resyncDuration = 0;
  /** The next step; undefined while there is nothing to do. */
  private next: NodeJS.Immediate | undefined;
  private stopped = false;
  private updates = 0;
  private lastSync = 0;
  private lastStatus = 0;
  /** As Date.now() has it; 0 where nothing is to be tried again. */
  private retryAt = 0;
  /** Time spent on writing to the kernel, in seconds. */
  private applySeconds = 0;

  constructor(options: WorkerOptions) {
    const { table, protocol, metric, preferredSource } = options;
    const libc = loadLibc();
    this.commands = new NetlinkSocket(libc);
    // Before anything is read, so that no change falls between the two.
    this.notifications = new NetlinkSocket(libc, NOTIFICATION_GROUPS, {
      receiveBuffer: NOTIFICATION_BUFFER,
      dropFrom: this.commands.portId,
    });
    const client = new NetlinkClient(this.commands);
    this.rules = new PolicyRules(client, { table, protocol });
    const { ipv4, ipv6 } = preferredSource;
    const sources = [ipv4, ipv6].map((text) => (text === undefined ? undefined : parseAddress(text).bytes));
    this.engine = new FibEngine({ ...options, owner: { table, protocol, metric }, preferredSource: sources }, client, {
      trouble: (trouble) => post({ type: 'trouble', trouble }),
      repaired: (repair) => post({ type: 'repaired', repair }),
    });
    this.engine.start();
    this.wantedRules = options.rules;
    this.syncRules();
    this.poll = koffi.node.poll(this.notifications.fd, () => this.notified());
    this.probeTimer = setInterval(() => this.probe(), PROBE_TIME);
  }

  /** Says how things are at the start. */
  started(): void {
    // First, so that whoever waits for the start knows what was adopted.
    this.postStatus();
    post({ type: 'started' });
    post({ type: 'addresses', own: [...this.engine.view.ownAddresses] });
    this.engine.view.takeAddressesChanged();
    this.tellView();
  }

  handle(request: FibRequest): void {
    switch (request.type) {
      case 'update':
        this.updates++;
        this.engine.update(request);
        for (const id of request.unwatch) this.engine.watches.unwatch(id);
        for (const { id, address } of request.watch) this.engine.watches.watch(id, address);
        this.tellView();
        return this.work();
      case 'vxlan':
        this.updates++;
        this.engine.setVxlan(request.plans);
        return this.work();
      case 'ways':
        this.updates++;
        this.engine.setWays(request.ways);
        this.tellView();
        return this.work();
      case 'workloadInterfaces':
        this.engine.view.setWorkloadInterfaces(request.globs);
        return this.tellView();
      case 'ranges':
        this.engine.view.setRanges(request.ranges);
        return this.tellView();
      case 'holdDown':
        this.updates++;
        this.engine.holdDown(request.address, request.down);
        if (this.engine.urgent) this.step();
        return this.work();
      case 'endOfInitialSync':
        this.updates++;
        this.engine.endOfInitialSync();
        return this.work();
      case 'find': {
        const route = this.engine.find(request.prefix);
        return post({ type: 'page', id: request.id, routes: route === undefined ? [] : [route], next: null });
      }
      case 'page':
        post({ type: 'page', id: request.id, ...this.engine.page(request.query) });
        return this.work();
      case 'stop':
        return this.stop(request.keepRoutes);
    }
  }

  /** Works until there is nothing left to do, letting messages in between steps. */
  private work(): void {
    if (this.next !== undefined || this.stopped) return;
    this.next = setImmediate(() => this.step());
  }

  private step(): void {
    clearImmediate(this.next);
    this.next = undefined;
    if (this.stopped) return;
    const before = performance.now();
    let more: boolean;
    do more = this.engine.step();
    while (this.engine.urgent);
    const now = performance.now();
    this.applySeconds += (now - before) / 1000;
    if (!more && !this.engine.stale) this.lastSync = Date.now();
    if (!more) this.schedule(now);
    if (!more || now - this.lastStatus >= STATUS_TIME) {
      this.lastStatus = now;
      this.postStatus();
    }
    if (more) this.work();
  }

  /** Sees to it that what is to be done later will be. */
  private schedule(now: number): void {
    this.tellView();
    const { engine } = this;
    if (engine.stale) this.resyncAfter(RECOVERY_TIME);
    else if (engine.doubtful) this.resyncAfter(Math.max(SETTLE_TIME, SETTLE_FACTOR * this.resyncDuration));
    const wait = this.backoff.wait(now, engine.refused || this.ruleTroubles.length > 0, engine.failures);
    clearTimeout(this.retryTimer);
    this.retryAt = wait === undefined ? 0 : Date.now() + wait;
    this.retryTimer = wait === undefined ? undefined : setTimeout(() => this.retry(), wait);
  }

  private postStatus(): void {
    const { updates, lastSync, applySeconds, engine, retryAt } = this;
    const { counts, synced } = engine;
    const problems = [...engine.tunnelProblems, ...this.ruleTroubles.map(({ message }) => message)];
    post({ type: 'status', updates, counts, synced, lastSync, applySeconds, problems, retryAt });
  }

  /** Passes on what the engine found out about next hops, workloads and addresses. */
  private tellView(): void {
    const { view, watches } = this.engine;
    const changes = watches.take();
    if (changes.length > 0) post({ type: 'nextHops', changes });
    const workloads = view.takeWorkloadChanges();
    if (workloads !== undefined) post({ type: 'workloads', ...workloads });
    const inRanges = view.takeRangeChanges();
    if (inRanges !== undefined) post({ type: 'inRanges', ...inRanges });
    if (view.takeAddressesChanged()) post({ type: 'addresses', own: [...view.ownAddresses] });
  }

  /** The kernel told something. */
  private notified(): void {
    const complete = this.drain();
    if (complete) {
      this.engine.react();
      // Not by way of the event loop: what a lost link means should be in the kernel within milliseconds.
      if (this.engine.urgent) this.step();
      this.tellView();
      this.work();
    } else {
      // Notifications got lost (ENOBUFS): only a comparison tells what has happened, and what is left of them is older.
      this.discard();
      this.resync(() => this.engine.overrun());
    }
    if (this.rulesDue || !complete) this.syncRules();
    this.poll?.start({ readable: true }, () => this.notified());
  }

  /** Makes the rules as wanted; only what is newly in the way is told. */
  private syncRules(): void {
    this.rulesDue = false;
    const known = new Set(this.ruleTroubles.map(({ message }) => message));
    this.ruleTroubles = this.rules.sync(this.wantedRules);
    for (const trouble of this.ruleTroubles) if (!known.has(trouble.message)) post({ type: 'trouble', trouble });
  }

  /** Takes in what notifications there are, or the first of many; false if some were lost. */
  private drain(): boolean {
    const until = performance.now() + DRAIN_TIME;
    try {
      while (performance.now() < until) {
        this.reader.reset(this.buffer, this.notifications.receive(this.buffer));
        while (this.reader.next()) {
          if (this.reader.type === RTM_DELRULE) this.rulesDue = true;
          else this.engine.notified(this.reader);
        }
      }
      return true;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      return error.errno === 'EAGAIN';
    }
  }

  private discard(): void {
    for (let i = 0; i < MOST_NOTIFICATIONS; i++) {
      try {
        this.notifications.receive(this.buffer);
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        if (error.errno !== 'ENOBUFS') return;
      }
    }
  }

  private resyncAfter(delay: number): void {
    this.resyncTimer ??= setTimeout(() => {
      this.resyncTimer = undefined;
      this.resync();
    }, delay);
  }

  private resync(compare = () => this.engine.resync()): void {
    const before = performance.now();
    compare();
    this.resyncDuration = performance.now() - before;
    this.work();
  }

  private retry(): void {
    this.backoff.tried();
    if (this.ruleTroubles.length > 0) this.syncRules();
    this.engine.retry();
    this.work();
  }

  private probe(): void {
    if (!this.engine.resolver.hasFailedNeighbours) return;
    try {
      this.engine.resolver.probe();
    } catch (error) {
      // The next probe asks again.
      if (!(error instanceof NetlinkError)) throw error;
    }
  }

  private stop(keepRoutes: boolean): void {
    const until = performance.now() + STOP_TIME;
    if (keepRoutes) while (this.engine.step() && performance.now() < until);
    else this.clear();
    this.stopped = true;
    this.poll?.close();
    this.poll = undefined;
    clearInterval(this.probeTimer);
    clearTimeout(this.retryTimer);
    clearTimeout(this.resyncTimer);
    this.commands.close();
    this.notifications.close();
    this.postStatus();
    post({ type: 'stopped' });
    parentPort!.close();
  }

  private clear(): void {
    try {
      this.engine.clear();
      this.rules.clear();
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      post({ type: 'trouble', trouble: { code: 'FIB_KERNEL', message: error.message } });
    }
  }
}

function post(answer: FibAnswer): void {
  parentPort!.postMessage(answer, []);
}

function main(): void {
  try {
    const worker = new FibWorker(workerData as WorkerOptions);
    parentPort!.on('message', (request: FibRequest) => worker.handle(request));
    worker.started();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    post({ type: 'failed', trouble: { code: 'FIB_KERNEL', message } });
  }
}

main();

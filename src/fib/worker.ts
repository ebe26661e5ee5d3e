/**
 * Entry of the FIB's worker thread: gives the engine its sockets, timers and messages. The kernel can take hundreds of
 * milliseconds for a single batch, which must not hold up the sessions.
 */
import koffi from 'koffi';
import { parentPort, workerData } from 'node:worker_threads';
import { FibEngine } from './fib-engine.ts';
import { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK } from './netlink/constants.ts';
import { loadLibc } from './netlink/libc.ts';
import { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkSocket } from './netlink/netlink-socket.ts';
import type { FibAnswer, FibRequest, WorkerOptions } from './worker-messages.ts';

/** Interfaces change in bursts: wait this long after a notification before reading everything anew, in milliseconds. */
const SETTLE_TIME = 100;
/** How long to wait after a failed exchange with the kernel, in milliseconds. */
const RECOVERY_TIME = 1000;
/** How often to try again what failed, in milliseconds. */
const RETRY_TIME = 10_000;
/** Longest that the main thread waits for news while there is work, in milliseconds. */
const STATUS_TIME = 100;

/** The engine with its surroundings. */
class FibWorker {
  private readonly engine: FibEngine;
  private readonly commands: NetlinkSocket;
  private readonly notifications: NetlinkSocket;
  private readonly retryTimer: NodeJS.Timeout;
  private poll: ReturnType<typeof koffi.node.poll> | undefined;
  private resyncTimer: NodeJS.Timeout | undefined;
  private working = false;
  private stopped = false;
  private updates = 0;
  private lastSync = 0;
  private lastStatus = 0;

  constructor(options: WorkerOptions) {
    const libc = loadLibc();
    this.commands = new NetlinkSocket(libc);
    this.notifications = new NetlinkSocket(libc, [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR]);
    const { table, protocol, metric, maxPaths } = options;
    const client = new NetlinkClient(this.commands);
    this.engine = new FibEngine({ owner: { table, protocol, metric }, maxPaths }, client, (trouble) => {
      post({ type: 'trouble', trouble });
    });
    this.engine.start();
    this.poll = koffi.node.poll(this.notifications.fd, () => this.notified());
    this.retryTimer = setInterval(() => this.retry(), RETRY_TIME);
  }

  handle(request: FibRequest): void {
    switch (request.type) {
      case 'update':
        this.updates++;
        this.engine.update(request);
        return this.work();
      case 'endOfInitialSync':
        this.engine.endOfInitialSync();
        return this.work();
      case 'list':
        post({ type: 'routes', id: request.id, routes: this.engine.list(request.prefix) });
        return this.work();
      case 'stop':
        return this.stop(request.keepRoutes);
    }
  }

  /** Works until there is nothing left to do, letting messages in between steps. */
  private work(): void {
    if (this.working || this.stopped) return;
    this.working = true;
    setImmediate(() => this.step());
  }

  private step(): void {
    this.working = false;
    if (this.stopped) return;
    const more = this.engine.step();
    const now = performance.now();
    if (!more && !this.engine.stale) this.lastSync = Date.now();
    if (!more || now - this.lastStatus >= STATUS_TIME) {
      this.lastStatus = now;
      this.postStatus();
    }
    if (more) this.work();
    else if (this.engine.stale) this.resyncAfter(RECOVERY_TIME);
  }

  private postStatus(): void {
    const { updates, lastSync } = this;
    post({ type: 'status', updates, counts: this.engine.counts, synced: this.engine.synced, lastSync });
  }

  /**
   * Something about an interface or an address changed; what it was doesn't matter, as everything is read anew.
   * An overrun of the socket (ENOBUFS) ends the polling and means just the same.
   */
  private notified(): void {
    this.drain();
    this.poll?.start({ readable: true }, () => this.notified());
    this.resyncAfter(SETTLE_TIME);
  }

  private drain(): void {
    const buffer = new Uint8Array(65536);
    try {
      for (;;) this.notifications.receive(buffer);
    } catch {
      // Empty (EAGAIN), or overrun: then the next call of the poll handle reads on.
    }
  }

  private resyncAfter(delay: number): void {
    this.resyncTimer ??= setTimeout(() => {
      this.resyncTimer = undefined;
      this.engine.resync();
      this.work();
    }, delay);
  }

  private retry(): void {
    if (!this.engine.troubled) return;
    this.engine.retry();
    this.work();
  }

  private stop(keepRoutes: boolean): void {
    if (keepRoutes) while (this.engine.step());
    else this.engine.clear();
    this.stopped = true;
    this.poll?.close();
    this.poll = undefined;
    clearInterval(this.retryTimer);
    clearTimeout(this.resyncTimer);
    this.commands.close();
    this.notifications.close();
    this.postStatus();
    post({ type: 'stopped' });
    parentPort!.close();
  }
}

function post(answer: FibAnswer): void {
  parentPort!.postMessage(answer, []);
}

function main(): void {
  try {
    const worker = new FibWorker(workerData as WorkerOptions);
    parentPort!.on('message', (request: FibRequest) => worker.handle(request));
    post({ type: 'started' });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    post({ type: 'failed', trouble: { code: 'FIB_KERNEL', message } });
  }
}

main();

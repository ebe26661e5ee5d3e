/**
 * The FIB as the main thread sees it: routes go out to a worker thread, and counts and errors come back.
 */
import { Worker } from 'node:worker_threads';
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import { FibError } from './fib-error.ts';
import type { FibNextHop } from './next-hop.ts';
import type { FibRule } from './policy-rules.ts';
import type { RangeChanges } from './range-routes.ts';
import type { VxlanPlan } from './tunnel-plan.ts';
import { WORDS_PER_ROUTE, routeHead } from './worker-messages.ts';
import type {
  FibAnswer,
  FibCounts,
  FibPage,
  FibQuery,
  FibRepair,
  FibRequest,
  FibRoute,
  FibTrouble,
  NextHopChange,
  ResilientOptions,
  WorkerOptions,
} from './worker-messages.ts';
import type { WorkloadRoute } from './workload-routes.ts';

export { BLACKHOLE_GROUP } from './group-table.ts';

/** Metric of our routes: the one that IPv6 routes have by default, and Calico's normal route priority. */
const DEFAULT_METRIC = 1024;
/** Routes kept back until the end of the turn; more than these go out at once. */
const STAGED_ROUTES = 8192;

/** What a {@link Fib} is made with. */
export interface FibOptions {
  /** Number of the routing table, 254 is the main one. */
  readonly table: number;
  /** `RTPROT_*` number that marks our routes. */
  readonly protocol: number;
  /** Metric of our routes, 1024 by default; a prefix has one route per metric. */
  readonly metric?: number;
  /** Most next hops that a route gets. */
  readonly maxPaths: number;
  /** Source addresses for packets of this node itself on our routes. */
  readonly preferredSource?: { readonly ipv4?: string; readonly ipv6?: string };
  /** Makes groups resilient, where the kernel can. */
  readonly resilient?: ResilientOptions;
  /** Which packets are looked up in `table`, where that is not the main one. */
  readonly rules?: readonly FibRule[];
  /** Names of interfaces of workloads, `*` stands for any text; none by default. */
  readonly workloadInterfaces?: readonly string[];
}

/** Is told what happens. */
export interface FibHandler {
  /** Something can't be done. Told once for each thing. */
  trouble(trouble: FibTrouble): void;
  /** After {@link Fib.endOfInitialSync}: the kernel has what was wanted then, and leftovers are gone. */
  synced(): void;
  /** Routes of ours that somebody else had changed are as they should be again. */
  repaired(repair: FibRepair): void;
  /** The first answer for each next hop that is watched, then each change. */
  nextHops(changes: readonly NextHopChange[]): void;
  /** Routes to workloads came or went; all that there are at first. */
  workloads(change: { readonly added: readonly WorkloadRoute[]; readonly removed: readonly Prefix[] }): void;
  /** Prefixes within the ranges of {@link Fib.setRanges} got routes of others that forward packets, or have none any more. */
  inRanges(changes: RangeChanges): void;
  /** The addresses of this node, canonical, at first and after each change. */
  addresses(own: readonly string[]): void;
}

/** How much there is of everything; `pending` includes updates that the worker has not taken in yet. */
export interface FibStatistics extends FibCounts {
  /** The last error, in words. */
  readonly lastError?: string;
  /** When there was last nothing left to do, as Date.now() has it; undefined before. */
  readonly lastSync?: number;
  readonly applySeconds: number;
  /** What is in the way of tunnels and policy rules now, in words. */
  readonly problems: readonly string[];
  /** When what the kernel refused is tried again, as Date.now() has it; undefined where there is nothing. */
  readonly retryAt?: number;
}

const NO_ROUTES: FibCounts = {
  desired: 0,
  installed: 0,
  failed: 0,
  pending: 0,
  written: 0,
  removed: 0,
  repaired: 0,
  adopted: 0,
  groups: 0,
  groupWrites: 0,
};

type Status = Extract<FibAnswer, { type: 'status' }>;

/** Keeps the kernel's routes equal to those given to {@link set}. */
export class Fib {
  private readonly options: WorkerOptions;
  private readonly handler: FibHandler;
  private readonly staged = new Uint32Array(STAGED_ROUTES * WORDS_PER_ROUTE);
  private stagedWords = 0;
  private definitions: { id: number; hops: readonly FibNextHop[] }[] = [];
  private releases: number[] = [];
  private watched: { id: number; address: string }[] = [];
  private unwatched: number[] = [];
  private worker: Worker | undefined;
  private updates = 0;
  private status: Status | undefined;
  private lastError: string | undefined;
  private syncTold = false;
  private questions = new Map<number, { resolve: (page: FibPage) => void; reject: (error: FibError) => void }>();
  private nextQuestion = 0;
  private started: { resolve: () => void; reject: (error: FibError) => void } | undefined;
  private stopped: (() => void) | undefined;

  constructor(options: FibOptions, handler: FibHandler) {
    this.options = {
      metric: DEFAULT_METRIC,
      preferredSource: {},
      resilient: undefined,
      rules: [],
      workloadInterfaces: [],
      ...options,
    };
    this.handler = handler;
  }

  /**
   * Starts the worker, which reads what an earlier run left: routes of ours that are wanted again stay, the others go
   * after {@link endOfInitialSync}. Rejects with {@link FibError} if the kernel can't be talked to.
   */
  async start(): Promise<void> {
    // The same from any folder of dist/, because programs are bundled (see rolldown.config.ts).
    const worker = new Worker(new URL('../fib/worker.js', import.meta.url), { workerData: this.options });
    this.worker = worker;
    worker.on('message', (answer: FibAnswer) => this.handle(answer));
    worker.on('error', (error) => this.ended(`the thread that writes routes failed: ${error.message}`));
    worker.on('exit', () => this.ended('the thread that writes routes has ended'));
    await new Promise<void>((resolve, reject) => {
      this.started = { resolve, reject };
    });
  }

  /** Defines a group of next hops; `id` is the RIB's, not below 4, and keeps its meaning until {@link releaseGroup}. */
  defineGroup(id: number, hops: readonly FibNextHop[]): void {
    // Within one message definitions come before releases: a release of the same id has to go ahead.
    if (this.releases.includes(id)) this.flush();
    this.definitions.push({ id, hops });
  }

  /** Says that no route will be given this group any more. */
  releaseGroup(id: number): void {
    this.releases.push(id);
  }

  /** Has the handler told whether packets can get to an address, from the next {@link flush} on. */
  watchNextHop(id: number, address: string): void {
    this.watched.push({ id, address });
  }

  unwatchNextHop(id: number): void {
    this.watched = this.watched.filter((watch) => watch.id !== id);
    this.unwatched.push(id);
  }

  /** Says which VXLAN devices there should be; before the first call those that are there are left alone. */
  setVxlan(plans: readonly VxlanPlan[]): void {
    this.flush();
    this.updates++;
    this.post({ type: 'vxlan', plans });
  }

  /** Says which addresses next hops are reached at by routes of our own: gateways by address, canonical. */
  setWays(ways: ReadonlyMap<string, string>): void {
    this.flush();
    this.updates++;
    this.post({ type: 'ways', ways });
  }

  /** Says by other names, as in {@link FibOptions.workloadInterfaces}, which interfaces are those of workloads. */
  setWorkloadInterfaces(globs: readonly string[]): void {
    this.post({ type: 'workloadInterfaces', globs });
  }

  /** Says within which ranges routes of others are told. */
  setRanges(ranges: readonly Prefix[]): void {
    this.post({ type: 'ranges', ranges });
  }

  /**
   * Sets the next hops of a route: a group that was defined, {@link BLACKHOLE_GROUP}, or 0 for no route. Takes effect with
   * {@link flush}. Allocates nothing.
   */
  set(family: Family, a0: number, a1: number, a2: number, a3: number, length: number, group: number): void {
    if (this.stagedWords === this.staged.length) this.flush();
    const { staged, stagedWords: at } = this;
    staged[at] = routeHead(family, length);
    staged[at + 1] = a0;
    staged[at + 2] = a1;
    staged[at + 3] = a2;
    staged[at + 4] = a3;
    staged[at + 5] = group;
    this.stagedWords = at + WORDS_PER_ROUTE;
  }

  /** Sends what was set since the last time on its way; to be called once a turn of the event loop. */
  flush(): void {
    const { definitions, releases, watched: watch, unwatched: unwatch } = this;
    const lists = definitions.length + releases.length + watch.length + unwatch.length;
    if (this.stagedWords === 0 && lists === 0) return;
    const words = this.staged.slice(0, this.stagedWords);
    this.stagedWords = 0;
    this.definitions = [];
    this.releases = [];
    this.watched = [];
    this.unwatched = [];
    this.updates++;
    this.post({ type: 'update', definitions, words, releases, watch, unwatch }, [words.buffer]);
  }

  /**
   * Has routes do without a next hop at once, be it one of theirs or not, until it is called with `down` false: the routes
   * that others will replace it in need not be told one by one then. Routes that have no other keep it.
   * `address` is canonical, with its zone if it is link-local.
   */
  holdDown(address: string, down: boolean): void {
    this.flush();
    this.updates++;
    this.post({ type: 'holdDown', address, down });
  }

  /** Says that all that is wanted has been set: leftovers of an earlier run may go. */
  endOfInitialSync(): void {
    this.flush();
    this.updates++;
    this.post({ type: 'endOfInitialSync' });
  }

  /**
   * Some of the routes that are wanted or in the kernel. The first page compares with what the kernel has now.
   * Rejects with {@link FibError} without worker.
   */
  page(query: FibQuery): Promise<FibPage> {
    return this.ask((id) => ({ type: 'page', id, query }));
  }

  /** The route of just this prefix, as far as is known without asking the kernel. Rejects as {@link page} does. */
  async find(prefix: Prefix): Promise<FibRoute | undefined> {
    const { routes } = await this.ask((id) => ({ type: 'find', id, prefix }));
    return routes[0];
  }

  get statistics(): FibStatistics {
    const { status, lastError } = this;
    const counts = status?.counts ?? NO_ROUTES;
    const underWay = this.updates - (status?.updates ?? 0) + this.stagedWords / WORDS_PER_ROUTE;
    return {
      ...counts,
      pending: counts.pending + underWay,
      applySeconds: status?.applySeconds ?? 0,
      problems: status?.problems ?? [],
      ...(status === undefined || status.retryAt === 0 ? {} : { retryAt: status.retryAt }),
      ...(lastError === undefined ? {} : { lastError }),
      ...(status === undefined || status.lastSync === 0 ? {} : { lastSync: status.lastSync }),
    };
  }

  /** Writes for two seconds what is still to be written, or with `keepRoutes` false deletes all our routes; then ends the worker. */
  async stop(options: { readonly keepRoutes: boolean }): Promise<void> {
    if (this.worker === undefined) return;
    this.flush();
    const { worker } = this;
    await new Promise<void>((resolve) => {
      this.stopped = resolve;
      this.post({ type: 'stop', keepRoutes: options.keepRoutes });
    });
    await worker.terminate();
  }

  private ask(question: (id: number) => FibRequest): Promise<FibPage> {
    this.flush();
    return new Promise((resolve, reject) => {
      if (this.worker === undefined) {
        reject(new FibError({ code: 'FIB_WORKER', message: 'the thread that writes routes does not run' }));
        return;
      }
      const id = this.nextQuestion++;
      this.questions.set(id, { resolve, reject });
      this.post(question(id));
    });
  }

  private post(request: FibRequest, transfer: ArrayBuffer[] = []): void {
    this.worker?.postMessage(request, transfer);
  }

  private handle(answer: FibAnswer): void {
    switch (answer.type) {
      case 'started':
        this.started?.resolve();
        this.started = undefined;
        return;
      case 'failed':
        this.worker = undefined;
        this.started?.reject(new FibError(answer.trouble));
        this.started = undefined;
        return;
      case 'trouble':
        return this.tell(answer.trouble);
      case 'status':
        return this.handleStatus(answer);
      case 'repaired':
        return this.handler.repaired(answer.repair);
      case 'nextHops':
        return this.handler.nextHops(answer.changes);
      case 'workloads':
        return this.handler.workloads(answer);
      case 'inRanges':
        return this.handler.inRanges(answer);
      case 'addresses':
        return this.handler.addresses(answer.own);
      case 'page':
        this.questions.get(answer.id)?.resolve(answer);
        this.questions.delete(answer.id);
        return;
      case 'stopped':
        this.worker = undefined;
        this.stopped?.();
        return;
    }
  }

  private handleStatus(status: Status): void {
    this.status = status;
    if (!status.synced || this.syncTold) return;
    this.syncTold = true;
    this.handler.synced();
  }

  private tell(trouble: FibTrouble): void {
    this.lastError = trouble.message;
    this.handler.trouble(trouble);
  }

  /** The worker is gone; that is an error unless {@link stop} asked for it. */
  private ended(message: string): void {
    if (this.worker === undefined) return;
    this.worker = undefined;
    const trouble: FibTrouble = { code: 'FIB_WORKER', message };
    const error = new FibError(trouble);
    for (const { reject } of this.questions.values()) reject(error);
    this.questions.clear();
    this.stopped?.();
    if (this.started === undefined) this.tell(trouble);
    else this.started.reject(error);
    this.started = undefined;
  }
}

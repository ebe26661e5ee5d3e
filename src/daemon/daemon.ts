/**
 * starlingd: datastore, router, FIB and API, built and connected. Nothing else happens here.
 */
import { withWorkloads } from '../advertiser/originations.ts';
import type { Advertisement } from '../advertiser/originations.ts';
import { claimSocket, DAEMON } from '../api/listen.ts';
import { createDatastore } from '../datastore/create-datastore.ts';
import type { Datastore } from '../datastore/datastore.ts';
import { explainPeer } from '../peering/explain-peer.ts';
import type { NodeIdentity } from '../peering/self.ts';
import type { Program } from '../process/program.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { compareConfigs, reportReload } from '../process/config-comparison.ts';
import type { Config } from '../process/config.ts';
import { daemonApi } from './daemon-api.ts';
import type { DaemonEnvironment } from './daemon-environment.ts';
import { DatastoreLog } from '../process/datastore-log.ts';
import { DeletionGuard } from './deletion-guard.ts';
import { DesiredStateComputer } from './desired-state.ts';
import type { DesiredState } from './desired-state.ts';
import { drainFilePath } from './drain-file.ts';
import { DrainRunner } from './drain-runner.ts';
import { EndpointStatus } from './endpoint-status.ts';
import { EventLog } from '../process/event-log.ts';
import { readHostState } from './host-state.ts';
import { InitialSync } from './initial-sync.ts';
import { allAddresses } from './interface-addresses.ts';
import { KernelRouting } from './kernel-routing.ts';
import type { OwnRestart } from './neighbour-session.ts';
import { NodeStatusReports } from './node-status-reports.ts';
import { OwnNode, ownNodeSettings } from './own-node.ts';
import { bestPathOptions, serviceSettings, serviceTelling, transitionLimits } from './part-settings.ts';
import { ProblemReports, problemWords } from '../process/problem-reports.ts';
import { ResourceFeed } from './resource-feed.ts';
import { Router } from './router.ts';
import { ServiceContexts } from './service-contexts.ts';
import { ServiceRunner } from './services.ts';
import { RELOAD_SCOPE, takenConfig } from './taken-config.ts';
import { isSystemStopping } from './system-shutdown.ts';
import { WorkQueue } from './work-queue.ts';
import { Workloads } from './workloads.ts';
import { configDiff } from './view/config-diff.ts';
import { DaemonReport } from './view/daemon-report.ts';
import { datastoreProblems, datastoreReport } from '../process/datastore-report.ts';
import type { ProcessApi } from '../process/process-api.ts';
import { FIB_OFF } from './view/fib-off.ts';
import { nodeReport } from './view/node-report.ts';
import type { StatusInputs } from './view/status-report.ts';

export class Daemon implements Program {
  readonly events: EventLog;
  readonly drain: DrainRunner;
  private config: Config;
  private readonly environment: DaemonEnvironment;
  private readonly router: Router;
  private readonly report: DaemonReport;
  /** Undefined where the FIB is switched off. */
  private readonly kernel: KernelRouting | undefined;
  /** Undefined before the start. */
  private datastore: Datastore | undefined;
  private readonly initialSync: InitialSync;
  private readonly started: number;
  private readonly api: ProcessApi;
  private readonly feed: ResourceFeed;
  private readonly services: ServiceRunner;
  private readonly serviceContexts = new ServiceContexts((view) => this.services.context(view));
  private readonly ownNode: OwnNode;
  private readonly deletions: DeletionGuard;
  private readonly nodeStatusReports: NodeStatusReports;
  private readonly problemReports: ProblemReports;
  private readonly computer = new DesiredStateComputer();
  /** What is in force; undefined before anything is. */
  private applied: DesiredState | undefined;
  private desiredProblems: readonly string[] = [];
  private readonly datastoreLog: DatastoreLog;
  /** What the resources, as far as they were applied, ask this node to advertise. */
  private advertisement: Advertisement | undefined;
  private readonly endpointStatus: EndpointStatus;
  private readonly workloads = new Workloads(() => this.workloadsChanged());
  /** Changes are applied one after the other. */
  private readonly work: WorkQueue;
  private stopped: Promise<void> | undefined;

  constructor(config: Config, environment: DaemonEnvironment) {
    this.config = config;
    this.environment = environment;
    this.started = environment.now();
    this.events = new EventLog(environment.now);
    this.events.subscribe(({ type, subject, words }, level) => environment.log[level](words, { type, subject }));
    this.work = new WorkQueue((error) => environment.log.error('applying the resources failed', { error }));
    this.datastoreLog = new DatastoreLog(this.events);
    this.kernel = config.fib.enabled ? this.createKernel() : undefined;
    this.initialSync = new InitialSync({
      tell: () => void this.router.endRestart(),
      finish: () => void this.endOfInitialSync(),
    });
    this.router = new Router({
      events: this.events,
      environment: environment.session,
      bestPath: bestPathOptions(config),
      limits: transitionLimits(config),
      onProgress: (peers) => this.initialSync.check(peers),
      onIdentity: () => this.services.begin(),
      kernel: this.kernel,
    });
    this.services = new ServiceRunner({
      node: config.nodeName,
      settings: serviceSettings(config),
      events: this.events,
      change: (set, removed) => this.router.changeServices(set, removed),
      failed: (error) => environment.log.error('working out the routes to services failed', { error }),
    });
    this.drain = this.createDrain();
    this.problemReports = new ProblemReports(
      () => this.datastore?.writer,
      (error) => environment.log.debug('telling a problem in the datastore failed', { error }),
    );
    this.feed = new ResourceFeed({
      // By now the kernel has told what workloads there are.
      first: () => this.router.startAfter(this.ownRestart),
      now: environment.now,
      services: this.services,
      taken: (view) => {
        this.serviceContexts.take(view, this.applied !== undefined);
        return this.work.add(() => this.apply());
      },
      troubled: (problem) => {
        this.events.add('datastore', problem.source, problem.message, 'warn');
        if (problem.severity === 'error') this.problemReports.add(problem);
      },
    });
    this.ownNode = this.createOwnNode();
    this.deletions = new DeletionGuard({
      node: config.nodeName,
      limits: () => this.config.services.guard,
      leaves: () => this.drain.effects.gracefulShutdown,
      events: this.events,
      listener: this.ownNode,
      view: () => this.feed.latest,
    });
    this.endpointStatus = new EndpointStatus({
      directory: config.datastore.endpointStatusPath,
      changed: () => void this.applyAgain(),
      troubled: (words) => this.events.add('datastore', config.nodeName, words, 'warn'),
    });
    this.report = this.createReport();
    this.api = daemonApi(this.report, { config: config.api, events: this.events, log: environment.log });
    this.nodeStatusReports = this.createNodeStatusReports();
  }

  /** Starts everything; throws what keeps the daemon from working at all. */
  async start(): Promise<void> {
    const { nodeName, api } = this.config;
    // A second daemon would take the sessions of the first one away, so it must stop before it touches anything.
    if (api.socket !== '') await claimSocket(api.socket, DAEMON);
    this.events.add('daemon', nodeName, `starlingd ${this.environment.version} starts`);
    await this.kernel?.start();
    // From now on the kernel says so when one comes or goes.
    this.router.setOwnAddresses(allAddresses());
    await Promise.all([this.endpointStatus.start(), this.ownNode.start()]);
    this.datastore = await createDatastore(this.config.datastore, this.config, 'routing');
    this.datastore.start({
      snapshot: (resources, problems) => this.deletions.snapshot(resources, problems),
      changes: (changes, problems) => this.deletions.changes(changes, problems),
      status: (status) => this.datastoreLog.take(status),
    });
    await this.api.start();
  }

  /** Takes a configuration that was read anew, as far as that can be done while it runs; says what can't. */
  reload(config: Config): void {
    const { now, later } = compareConfigs(this.config, config, RELOAD_SCOPE);
    this.config = takenConfig(this.config, config);
    this.environment.log.configure(config.log);
    if (now.some((field) => field.startsWith('bestPath.'))) this.router.changeBestPath(bestPathOptions(this.config));
    if (now.some((field) => field.startsWith('peering.'))) this.router.changeLimits(transitionLimits(config));
    this.services.configure(serviceSettings(this.config));
    this.drain.step();
    if (now.some((field) => field.startsWith('fib.'))) this.kernel?.configure(this.config.fib);
    void this.applyAgain();
    reportReload(this.events, config.nodeName, { now, later });
  }

  /**
   * Stops: for a restart, kernel routes stay and peers are not told; for good, everything is withdrawn. Kernel routes may stay
   * also then, where the machine goes down as a whole.
   */
  stop(forGood: boolean, keepRoutes = !forGood): Promise<void> {
    return (this.stopped ??= this.stopAll(forGood, keepRoutes));
  }

  /** For a restart; where the node goes down, everything is withdrawn in order, and only the kernel is left as it is. */
  async terminate(): Promise<void> {
    const isDrained = await this.drain.beforeStop().catch((error: unknown) => {
      this.environment.log.error('the drain before the stop failed', { error });
      return false;
    });
    await this.stop(isDrained, true);
  }

  private async stopAll(forGood: boolean, keepRoutes: boolean): Promise<void> {
    this.drain.stop();
    this.initialSync.stop();
    this.endpointStatus.stop();
    this.feed.stop();
    this.services.stop();
    this.problemReports.stop();
    this.nodeStatusReports.stop();
    await this.ownNode.stop();
    await this.datastore?.stop();
    this.deletions.stop();
    await this.work.idle;
    // What sessions take with them when they end is not to go from the kernel.
    if (forGood && keepRoutes) await this.kernel?.stop({ keepRoutes });
    await this.router.stop(forGood);
    await this.kernel?.stop({ keepRoutes });
    await this.api.close();
  }

  /**
   * What tells of an earlier run are its routes in the kernel, and workloads: packets to them go on whoever programs the
   * other routes. Without a FIB nothing does; but then the daemon forwards nothing either, and it may as well have run before.
   */
  private get ownRestart(): OwnRestart {
    const found = this.kernel === undefined || this.kernel.counters.adopted + this.workloads.list.length > 0;
    return { restarting: found, forwarding: found };
  }

  private createKernel(): KernelRouting {
    return new KernelRouting({
      config: this.config.fib,
      events: this.events,
      now: this.environment.now,
      onFailure: this.environment.onFailure,
      listener: {
        nextHops: (answers) => this.router.setNextHops(answers),
        workloads: (change) => this.workloads.change(change),
        addresses: (own) => this.router.setOwnAddresses(new Set(own)),
      },
    });
  }

  private createDrain(): DrainRunner {
    return new DrainRunner({
      node: this.config.nodeName,
      events: this.events,
      now: this.environment.now,
      settings: () => this.config.drain,
      file: drainFilePath(this.config.datastore.cache, this.config.nodeName),
      restarting: () => this.ownRestart.restarting,
      withholdServices: (withhold) => this.services.withhold(withhold),
      apply: () => this.applyAgain(),
      isTold: () => this.router.isAllTold,
      shutDown: () => this.environment.onShutdown(true),
      isSystemStopping,
    });
  }

  private createOwnNode(): OwnNode {
    const settings = ownNodeSettings(this.config);
    return new OwnNode({
      settings,
      listener: this.feed,
      view: () => this.feed.latest,
      writer: () => this.datastore?.writer,
      look: () => readHostState(settings.methods),
      troubled: (words) => this.events.add('daemon', settings.nodeName, words, 'warn'),
      written: (words) => this.events.add('datastore', settings.nodeName, words),
    });
  }

  private createNodeStatusReports(): NodeStatusReports {
    return new NodeStatusReports({
      node: this.config.nodeName,
      writer: () => this.datastore?.writer,
      report: (classes) =>
        nodeReport(this.report, classes, {
          now: this.environment.now(),
          lastChange: this.feed.lastChange,
          workloads: this.workloads.list,
          find: async (prefix) => this.kernel?.find(prefix),
        }),
      troubled: (name, words) => this.events.add('datastore', `CalicoNodeStatus ${name}`, words, 'warn'),
    });
  }

  /** What the peers have told goes through the RIB first: a route in it is no leftover. */
  private async endOfInitialSync(): Promise<void> {
    await this.router.settled();
    this.kernel?.endOfInitialSync();
  }

  private get identity(): NodeIdentity {
    const { nodeName, routerId, namespace } = this.config;
    const { workloads } = this.endpointStatus;
    return { name: nodeName, namespace, localWorkloads: workloads, ...(routerId !== undefined && { routerId }) };
  }

  /** What this node is to do with these resources. */
  private desired(computer: DesiredStateComputer, view: ClusterView): DesiredState {
    const { loopPrevention } = this.config.services;
    const kernel = this.kernel && { ...this.kernel.routingOptions, loopPrevention };
    const drain = this.drain.effects;
    const services = serviceTelling(this.config, this.services.advertiser.labels, this.router.ownRoutes.labels);
    return computer.compute(view, this.identity, { workloads: this.workloads.list, kernel, drain, services });
  }

  /** Something beside the resources changed. What is so at the start counts with the first ones. */
  private applyAgain(): Promise<void> {
    return this.applied === undefined ? this.work.idle : this.work.add(() => this.apply());
  }

  private async apply(): Promise<void> {
    const { view } = this.feed;
    this.nodeStatusReports.take(view);
    this.drain.take(view);
    this.deletions.leave();
    const wanted = this.desired(this.computer, view);
    if (wanted === this.applied) return this.serviceContexts.policiesKnow(view);
    for (const words of wanted.problems) {
      if (!this.desiredProblems.includes(words)) this.events.add('datastore', this.config.nodeName, words, 'warn');
    }
    this.desiredProblems = wanted.problems;
    try {
      this.kernel?.apply(wanted, this.router.rib.tables);
      await this.router.apply(wanted);
      this.applied = wanted;
      this.advertisement = wanted.advertisement;
      // Resources that do not know this node say nothing of what it should have: they may not be all there yet.
      if (wanted.self !== undefined) this.initialSync.datastoreSynced();
      this.initialSync.check(this.router.progress());
    } finally {
      this.serviceContexts.policiesKnow(view);
    }
  }

  /** Routes to workloads come and go with pods, far more often than resources that would have all worked out anew. */
  private workloadsChanged(): void {
    void this.work.add(() => this.originateWorkloads());
  }

  private originateWorkloads(): void {
    // Before the first resources nothing is advertised, nor at the end of a drain.
    if (this.advertisement === undefined || this.drain.effects.withholdPods) return;
    this.advertisement = withWorkloads(this.advertisement, this.workloads.list);
    this.router.originate(this.advertisement.routes);
  }

  private createReport(): DaemonReport {
    const { now, onShutdown } = this.environment;
    return new DaemonReport({
      router: this.router,
      services: this.services,
      holdsBlock: (cidr) => this.deletions.holdsBlock(cidr),
      events: this.events,
      now,
      statusInputs: () => this.statusInputs(),
      drain: this.drain,
      kernel: this.kernel,
      datastoreCounters: () => ({ ...this.feed.counters, errors: this.datastoreLog.allErrors }),
      advertiserCounters: () => this.services.counters,
      explainPeer: (what) => explainPeer(this.feed.view, this.identity, what),
      configDiff: (input) => {
        const computer = new DesiredStateComputer();
        const overlaid = (view: ClusterView): ClusterView => this.ownNode.overlaid(view);
        return configDiff(this.feed.complete, input, {
          desired: (view) => this.desired(computer, overlaid(view)),
          services: ({ before, after, changes }) =>
            this.services.differences({ before: overlaid(before), after: overlaid(after), changes }),
        });
      },
      shutdown: onShutdown,
    });
  }

  private statusInputs(): StatusInputs {
    const { type } = this.config.datastore;
    const status = this.datastore?.status ?? { type, state: 'syncing', since: this.started, sources: [] };
    const datastore = datastoreReport(status, this.datastoreLog, this.feed.heard, this.environment.now());
    return {
      node: this.config.nodeName,
      version: this.environment.version,
      started: this.started,
      drain: this.drain.report,
      fib: this.kernel?.status ?? FIB_OFF,
      countForKernel: (family) => this.kernel?.forwarding.counts[family] ?? 0,
      datastore,
      problems: [
        ...datastoreProblems(datastore),
        ...this.feed.problems.map(problemWords),
        ...this.ownNode.problems,
        ...this.deletions.problems,
        ...this.desiredProblems,
        ...this.services.problems,
        ...this.api.problems,
        ...(this.kernel?.problems ?? []),
      ],
    };
  }
}

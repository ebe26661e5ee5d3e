/**
 * starling-policyd: datastore, index of policies, rules, the kernel's table and API, built and connected. Nothing else happens
 * here. The kernel has the rules of an earlier run until the datastore is in sync.
 */
import { AGENT, claimSocket } from '../api/listen.ts';
import type { AgentEvent } from '../api/types.ts';
import { createDatastore } from '../datastore/create-datastore.ts';
import type { Datastore, DatastoreStatus, SourcedProblem } from '../datastore/datastore.ts';
import { readInterfaces } from '../fib/netlink/interfaces.ts';
import { NetlinkError } from '../fib/netlink/netlink-error.ts';
import { deleteConnections } from '../nftables/connections.ts';
import { KernelTable } from '../nftables/kernel-table.ts';
import { LOOPS_TABLE } from '../nftables/loop-rules.ts';
import { runNft } from '../nftables/nft.ts';
import type { ModelChanges } from '../policy/model.ts';
import { PolicyEngine } from '../policy/policy-engine.ts';
import { compareConfigs, reportReload } from '../process/config-comparison.ts';
import type { Config } from '../process/config.ts';
import { DatastoreLog } from '../process/datastore-log.ts';
import { EventLog } from '../process/event-log.ts';
import { ProcessApi } from '../process/process-api.ts';
import type { Program, ProgramEnvironment } from '../process/program.ts';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { RulesetRenderer } from '../ruleset/ruleset-renderer.ts';
import { AgentReport } from './agent-report.ts';
import { ConnectionCuts } from './connection-cuts.ts';
import { EndpointFiles } from './endpoint-files.ts';
import { InterfaceWatch } from './interface-watch.ts';
import { KernelPolicies } from './kernel-policies.ts';
import { LoopsOwner } from './loops-owner.ts';
import { PolicyEvents } from './policy-events.ts';
import { policyOverrides } from './policy-overrides.ts';
import { RepeatedRepairs } from './repeated-repairs.ts';
import { ResourceCounts } from './resource-counts.ts';
import { ResourceProblems } from './resource-problems.ts';
import { RELOAD_SCOPE, takenConfig } from './taken-config.ts';
import { unknownWorkloads } from './unknown-workloads.ts';

/** Name of the table, which is of the family inet. */
const TABLE = 'starling_policy';

export class PolicyAgent implements Program {
  readonly events: EventLog<AgentEvent['type']>;
  private config: Config;
  private readonly environment: ProgramEnvironment;
  private readonly engine: PolicyEngine;
  private readonly kernel: KernelPolicies;
  private readonly interfaces: InterfaceWatch;
  private readonly files: EndpointFiles;
  private readonly loops: LoopsOwner;
  private readonly problems: ResourceProblems;
  private readonly resources = new ResourceCounts();
  private readonly repairs = new RepeatedRepairs(`inet ${TABLE}`);
  private readonly datastoreLog: DatastoreLog;
  private readonly report: AgentReport;
  private readonly api: ProcessApi;
  /** Undefined before the start. */
  private datastore: Datastore | undefined;
  /** Whether there was a snapshot: before, nothing is told to the kernel. */
  private isSynced = false;
  /** What the datastore says is wrong with resources. */
  private datastoreProblems: readonly SourcedProblem[] = [];
  private interfaceTrouble: string | undefined;
  private defect: string | undefined;
  private stopped: Promise<void> | undefined;

  constructor(config: Config, environment: ProgramEnvironment) {
    this.config = config;
    this.environment = environment;
    const { log, now } = environment;
    this.events = new EventLog(now);
    this.events.subscribe(({ type, subject, words }, level) => log[level](words, { type, subject }));
    this.datastoreLog = new DatastoreLog(this.events);
    this.loops = new LoopsOwner({ nft: runNft, changed: (isThere) => this.loopsChanged(isThere) });
    this.engine = new PolicyEngine({ node: config.nodeName, settings: policyOverrides(config, true) });
    this.kernel = this.createKernel();
    this.files = new EndpointFiles({
      prefix: config.policy.endpointStatusPathPrefix,
      endpoint: (key) => this.engine.endpoint(key),
      troubled: (words) =>
        this.events.add('endpoint', config.nodeName, `the status of pods is not written: ${words}`, 'warn'),
    });
    this.interfaces = new InterfaceWatch({
      changed: (interfaces) => this.change(() => this.engine.setInterfaces(interfaces)),
      troubled: (words) => this.interfacesTroubled(words),
    });
    this.problems = new ResourceProblems({
      ofDatastore: () => this.datastoreProblems,
      ofPolicies: () => this.engine.problems,
      writer: () => this.datastore?.writer,
      found: ({ source, message }) => this.events.add('datastore', source, message, 'warn'),
      failed: (error) => log.debug('telling a problem in the datastore failed', { error }),
    });
    this.report = this.createReport();
    this.api = new ProcessApi({
      start: async (place) => (await import('../api/agent-server.ts')).startAgentApi({ ...place, view: this.report }),
      config: config.policy,
      events: this.events,
      log,
    });
  }

  /** Starts everything; throws what keeps the agent from working at all. */
  async start(): Promise<void> {
    const { nodeName, policy, datastore } = this.config;
    // A second agent would take the table away from the first one, so it must stop before it touches anything.
    if (policy.socket !== '') await claimSocket(policy.socket, AGENT);
    this.events.add('daemon', nodeName, `starling-policyd ${this.environment.version} starts`);
    await this.loops.start();
    this.engine.configure(policyOverrides(this.config, !this.loops.isThere));
    this.datastore = await createDatastore(datastore, this.config, 'policy');
    this.datastore.start({
      early: (changes) => this.early(changes),
      snapshot: (resources, problems) => this.snapshot(resources, problems),
      changes: (changes, problems) => this.changes(changes, problems),
      status: (status) => this.datastoreLog.take(status),
    });
    await this.api.start();
  }

  /** Takes a configuration that was read anew, as far as that can be done while it runs; says what can't. */
  reload(config: Config): void {
    const comparison = compareConfigs(this.config, config, RELOAD_SCOPE);
    this.config = takenConfig(this.config, config);
    this.environment.log.configure(config.log);
    this.configure();
    reportReload(this.events, this.config.nodeName, comparison);
  }

  /** Stops: for a restart, the rules stay in the kernel; for good, they go. */
  stop(forGood: boolean): Promise<void> {
    return (this.stopped ??= this.stopAll(forGood));
  }

  terminate(): Promise<void> {
    return this.stop(false);
  }

  private async stopAll(forGood: boolean): Promise<void> {
    this.tellStop(forGood);
    this.loops.stop();
    this.interfaces.stop();
    this.problems.stop();
    await this.datastore?.stop();
    await this.kernel.stop({ keep: !forGood });
    await this.files.stop();
    await this.api.close();
  }

  /** Not where it did not come to work: why is said then. */
  private tellStop(forGood: boolean): void {
    if (this.datastore === undefined) return;
    const words = forGood
      ? `stops for good: table inet ${TABLE} is removed, and nothing is policed from then on`
      : `stops for a restart: table inet ${TABLE} stays in the kernel`;
    this.events.add('daemon', this.config.nodeName, words);
  }

  /** Of what there is before all of it is known; nothing of it gets to the kernel yet. */
  private early(changes: readonly Change[]): void {
    this.resources.take(changes, this.environment.now());
    this.change(() => this.engine.change(changes));
  }

  private snapshot(resources: AnyResource[], problems: readonly SourcedProblem[]): void {
    this.resources.snapshot(resources, this.environment.now());
    this.datastoreProblems = problems;
    this.change(() => {
      for (const resource of resources) this.followInterfacesFor(resource);
      this.engine.snapshot(drained(resources), false);
      // Not where something of it failed: rules of an earlier run are better than half of those that are wanted.
      this.isSynced = this.defect === undefined;
    });
  }

  private changes(changes: readonly Change[], problems: readonly SourcedProblem[]): void {
    this.resources.take(changes, this.environment.now());
    this.datastoreProblems = problems;
    this.change(() => {
      this.engine.change(changes);
      for (const change of changes) if (change.type === 'upsert') this.followInterfacesFor(change.resource);
    });
  }

  /** A HostEndpoint without the name of an interface is for the one that has its addresses. */
  private followInterfacesFor(resource: AnyResource): void {
    if (resource.kind !== 'HostEndpoint' || resource.spec.node !== this.config.nodeName) return;
    if (resource.spec.interfaceName === undefined) this.interfaces.follow();
  }

  private loopsChanged(isThere: boolean): void {
    const words = isThere
      ? 'is there: packets that would loop are left to it'
      : 'is gone: packets that would loop are stopped here';
    this.events.add('ruleset', `table inet ${LOOPS_TABLE}`, `${words}, where the configuration wants that`);
    this.configure();
  }

  private configure(): void {
    this.change(() => this.engine.configure(policyOverrides(this.config, !this.loops.isThere)));
  }

  /** What is to be told to the kernel. */
  private take(): ModelChanges | undefined {
    this.problems.changed();
    return this.engine.take();
  }

  /** Changes what is wanted; the kernel is told of it soon. */
  private change(what: () => void): void {
    try {
      what();
    } catch (error) {
      this.failed(error);
    }
    if (!this.isSynced) return;
    this.kernel.changed();
  }

  private interfacesTroubled(words: string | undefined): void {
    if (words === this.interfaceTrouble) return;
    this.interfaceTrouble = words;
    if (words !== undefined) this.events.add('endpoint', this.config.nodeName, interfaceWords(words), 'error');
  }

  /** Something that must not happen happened. All else goes on. */
  private failed(error: unknown): void {
    this.environment.log.error('working out the rules failed', { error });
    this.defect = `Working out the rules failed (${errorWords(error)}; the log has more): some may be missing until starling-policyd is restarted.`;
  }

  private createKernel(): KernelPolicies {
    const events = new PolicyEvents({
      add: (type, subject, words) => this.events.add(type, subject, words),
      node: this.config.nodeName,
      endpoint: (key) => this.engine.endpoint(key),
    });
    const cuts = new ConnectionCuts(deleteConnections, (error) => this.connectionsLeft(error));
    let renderer: RulesetRenderer | undefined;
    return new KernelPolicies({
      table: (listener) => {
        const table = new KernelTable({ name: TABLE, ...listener });
        renderer = new RulesetRenderer(table.writer);
        return table;
      },
      take: () => this.take(),
      render: (changes) => renderer?.apply(changes),
      deleteConnections: (addresses) => cuts.add(addresses),
      inForce: (changes) => {
        this.files.inForce(changes);
        events.inForce(changes);
      },
      repaired: (words) => this.repaired(words),
      troubled: (words) => this.kernelTroubled(words),
      refused: (words) => this.kernelRefused(words),
      failed: (error) => this.failed(error),
      now: this.environment.now,
    });
  }

  private repaired(words: string): void {
    const told = this.repairs.tell(words, this.environment.now());
    if (told !== undefined) this.events.add('ruleset', `table inet ${TABLE}`, told, 'warn');
  }

  private connectionsLeft(error: unknown): void {
    const words = `connections of addresses that left this node could not be ended yet: ${errorWords(error)}`;
    this.events.add('ruleset', this.config.nodeName, words, 'warn');
  }

  private kernelTroubled(words: string | undefined): void {
    const subject = `table inet ${TABLE}`;
    if (words === undefined) this.events.add('ruleset', subject, 'the kernel has it as it should be');
    else this.events.add('ruleset', subject, `the kernel does not take it: ${words}; rules in force stay`, 'error');
  }

  private kernelRefused(words: readonly string[]): void {
    const subject = `table inet ${TABLE}`;
    if (words.length === 0) this.events.add('ruleset', subject, 'the kernel takes all of it again');
    for (const one of words) this.events.add('ruleset', subject, `the kernel does not take a part: ${one}`, 'error');
  }

  private troubles(): string[] {
    const { engine, interfaceTrouble } = this;
    const { nodeName } = this.config;
    // Asked for only then: there may be many.
    const isEmpty = this.isSynced && engine.counts.localWorkloads === 0;
    return [
      isEmpty ? unknownWorkloads(nodeName, interfaceNames(), engine.interfacePrefixes) : undefined,
      this.repairs.trouble(this.environment.now()),
      interfaceTrouble === undefined ? undefined : `${interfaceWords(interfaceTrouble)}.`,
      this.defect,
      ...this.api.problems,
    ].filter((words) => words !== undefined);
  }

  private createReport(): AgentReport {
    const { config, environment, engine, kernel, datastoreLog, resources, problems, events } = this;
    const { type } = config.datastore;
    const started = environment.now();
    const unread: DatastoreStatus = { type, state: 'syncing', since: started, sources: [] };
    return new AgentReport({
      node: config.nodeName,
      version: environment.version,
      started,
      now: environment.now,
      table: TABLE,
      engine,
      kernel,
      datastoreStatus: () => this.datastore?.status ?? unread,
      datastoreLog,
      isSynced: () => this.isSynced,
      resources,
      problems,
      troubles: () => this.troubles(),
      events,
      shutdown: environment.onShutdown,
    });
  }
}

/** Names of the interfaces; none where they can't be read, which is said where they are needed. */
function interfaceNames(): readonly string[] {
  try {
    return readInterfaces().map(({ name }) => name);
  } catch (error) {
    if (error instanceof NetlinkError) return [];
    throw error;
  }
}

/** All of a list, which is empty afterwards: none is held by it that was taken. */
function* drained(list: AnyResource[]): Generator<AnyResource> {
  yield* list.splice(0);
}

function interfaceWords(trouble: string): string {
  return `The interfaces of HostEndpoints with expectedIPs are not known: ${trouble}`;
}

function errorWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

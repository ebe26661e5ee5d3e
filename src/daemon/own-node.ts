/**
 * Who this node is, at run time: stands between the datastore and those who read it, looks at the interfaces now and then, and
 * writes the Node where that is asked for. What it decides is in `bootstrap`.
 */
import { isDeepStrictEqual } from 'node:util';
import { parseAutodetectionMethod } from '../bootstrap/autodetection-method.ts';
import { overlaidNode, withOwnNode } from '../bootstrap/node-overlay.ts';
import { NO_STATE, checkOwnNode, concernsNode, publication, takeNode } from '../bootstrap/own-node.ts';
import type { HostState, OwnNodeSettings, OwnNodeState } from '../bootstrap/own-node.ts';
import { reasonOf } from '../datastore/datastore-error.ts';
import type { DatastoreListener, DatastoreWriter, SourcedProblem } from '../datastore/datastore.ts';
import type { Change, ClusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import type { Node } from '../resources/kinds/node.ts';
import type { Config } from '../process/config.ts';

/** Milliseconds between two looks at the interfaces, as with calico-node; while something is not there, or not written. */
const INTERVAL = 60_000;
const RETRY_INTERVAL = 5_000;

export interface OwnNodeOptions {
  readonly settings: OwnNodeSettings;
  /** Who reads the datastore. */
  readonly listener: Omit<DatastoreListener, 'status'>;
  /** All resources that are known. */
  readonly view: () => ClusterView;
  readonly writer: () => DatastoreWriter | undefined;
  /** Rejects where the kernel can't be asked. */
  readonly look: () => Promise<HostState>;
  /** Called with what is wrong, a sentence, unless that was said last. */
  readonly troubled: (words: string) => void;
  /** Called with what was written to the Node, as a sentence. */
  readonly written: (words: string) => void;
}

export class OwnNode implements Omit<DatastoreListener, 'status'> {
  private readonly options: OwnNodeOptions;
  private host: HostState = { at: 0, interfaces: [], sourceAddresses: [undefined, undefined] };
  private state: OwnNodeState = NO_STATE;
  /** As the datastore has it, and as the listener was told. */
  private node: Node | undefined;
  private told: Node | undefined;
  /** Of the datastore, as it told them last; undefined before its snapshot. */
  private sourced: readonly SourcedProblem[] | undefined;
  private hostProblems: readonly string[] = [];
  private writeProblems: readonly string[] = [];
  /** What was told of all of them last. */
  private said: readonly string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writeTimer: NodeJS.Timeout | undefined;
  /** Writings follow one another. */
  private writing: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(options: OwnNodeOptions) {
    this.options = options;
  }

  /** Looks for the first time; to be awaited before the datastore says anything. */
  async start(): Promise<void> {
    if (concernsNode(this.options.settings)) await this.check();
  }

  stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.writeTimer);
    return this.writing;
  }

  /** What is wrong, a sentence each. */
  get problems(): readonly string[] {
    return [...this.hostProblems, ...this.state.problems, ...this.writeProblems];
  }

  /** The view as it is for this node. */
  overlaid(view: ClusterView): ClusterView {
    return withOwnNode(view, this.options.settings.nodeName, this.state.overlay);
  }

  snapshot(resources: AnyResource[], problems: readonly SourcedProblem[]): void {
    const { settings, listener } = this.options;
    const own = resources.find((resource) => this.isOwn(resource.kind, resource.metadata.name));
    this.sourced = problems;
    this.takeNode(own?.kind === 'Node' ? own : undefined);
    this.told = overlaidNode(this.node, settings.nodeName, this.state.overlay);
    const others = this.told === own ? resources : resources.filter((resource) => resource !== own);
    listener.snapshot(this.told === own || this.told === undefined ? others : [...others, this.told], problems);
    this.publish();
  }

  changes(changes: readonly Change[], problems: readonly SourcedProblem[]): void {
    this.sourced = problems;
    const isOwn = (change: Change): boolean =>
      change.type === 'upsert'
        ? this.isOwn(change.resource.kind, change.resource.metadata.name)
        : this.isOwn(change.kind, change.name);
    const own = changes.findLast(isOwn);
    if (own === undefined) return this.options.listener.changes(changes, problems);
    this.takeNode(own.type === 'upsert' && own.resource.kind === 'Node' ? own.resource : undefined);
    this.options.listener.changes([...changes.filter((change) => !isOwn(change)), ...this.difference()], problems);
    this.publish();
  }

  private isOwn(kind: string, name: string): boolean {
    return kind === 'Node' && name === this.options.settings.nodeName;
  }

  private takeNode(node: Node | undefined): void {
    const { settings } = this.options;
    this.node = node;
    if (!concernsNode(settings)) return;
    this.state = takeNode(this.state, settings, this.host, node);
    this.tellProblems();
  }

  private tellProblems(): void {
    const { problems, said } = this;
    this.said = problems;
    for (const words of problems) if (!said.includes(words)) this.options.troubled(words);
  }

  /** What the listener does not know of the Node yet. */
  private difference(): Change[] {
    const { nodeName: name } = this.options.settings;
    const { told } = this;
    const now = overlaidNode(this.node, name, this.state.overlay);
    if (isDeepStrictEqual(now, told)) return [];
    this.told = now;
    return [now === undefined ? { type: 'delete', kind: 'Node', name } : { type: 'upsert', resource: now }];
  }

  /** Looks at the interfaces, and goes on doing so. */
  private async check(): Promise<void> {
    const { settings, look, listener } = this.options;
    try {
      this.host = await look();
      this.hostProblems = [];
      this.state = checkOwnNode(this.state, settings, this.host, this.node);
    } catch (error) {
      this.hostProblems = [`The interfaces of this node can't be read: ${reasonOf(error)}.`];
    }
    if (this.stopped) return;
    // Before the snapshot nothing is known of the Node, and nobody is told.
    if (this.sourced !== undefined) {
      this.tellProblems();
      const changes = this.difference();
      if (changes.length > 0) listener.changes(changes, this.sourced);
      this.publish();
    }
    const isSettled = this.sourced !== undefined && this.hostProblems.length === 0 && this.state.isComplete;
    const wait = isSettled ? INTERVAL : RETRY_INTERVAL;
    this.timer = setTimeout(() => void this.check(), wait).unref();
  }

  private publish(): void {
    if (this.options.settings.publishNode) this.writing = this.writing.then(() => this.write());
  }

  /** Brings the Node in the datastore in line, as far as nobody else has the address. */
  private async write(): Promise<void> {
    const { settings, view, writer, written } = this.options;
    clearTimeout(this.writeTimer);
    if (this.stopped) return;
    const { patch, problems } = publication(settings, this.state.overlay, this.node, view().list('Node'));
    this.writeProblems = problems;
    if (Object.keys(patch).length > 0) {
      try {
        await writer()?.patchNode(settings.nodeName, patch);
        const fields = Object.entries(patch).map(([field, value]) => `${field} ${value ?? 'removed'}`);
        written(`The Node "${settings.nodeName}" is written: ${fields.join(', ')}.`);
      } catch (error) {
        this.writeProblems = [...problems, `The Node "${settings.nodeName}" is not written: ${reasonOf(error)}.`];
      }
    }
    this.tellProblems();
    if (this.writeProblems.length === 0) return;
    this.writeTimer = setTimeout(() => this.publish(), RETRY_INTERVAL).unref();
  }
}

/** The view as it is for a node of this configuration, as far as that can be told without looking at its interfaces. */
export function configuredView(config: Config, view: ClusterView): ClusterView {
  const host = { at: 0, interfaces: [], sourceAddresses: [undefined, undefined] } as const;
  const node = view.get('Node', config.nodeName);
  const { overlay } = checkOwnNode(NO_STATE, ownNodeSettings(config), host, node);
  return withOwnNode(view, config.nodeName, overlay);
}

/** What of the configuration is about the Node. */
export function ownNodeSettings(config: Config): OwnNodeSettings {
  const { nodeName, ip, ip6, asNumber, publishNode, disableNodeIpCheck } = config;
  const methods = [
    parseAutodetectionMethod(config.ipAutodetectionMethod),
    parseAutodetectionMethod(config.ip6AutodetectionMethod),
  ] as const;
  return { nodeName, ip, ip6, methods, asNumber, publishNode, disableNodeIpCheck };
}

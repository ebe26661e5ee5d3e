/** Between the datastore and all that takes resources: blocks and pools that vanish at once stay in force for a moment. */
import { DeletionGate } from '../advertiser/deletion-gate.ts';
import type { DeletionLimits, DeletionNews, DeletionStep } from '../advertiser/deletion-gate.ts';
import type { DatastoreListener, SourcedProblem } from '../datastore/datastore.ts';
import { applyChanges } from '../resources/cluster-view.ts';
import type { Change, ClusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import type { EventLog } from '../process/event-log.ts';

/** How many of the resources that are held are named. */
const NAMED = 3;

type ResourceListener = Omit<DatastoreListener, 'status'>;

export interface DeletionGuardOptions {
  /** Name of this node. */
  readonly node: string;
  readonly limits: () => DeletionLimits;
  /** Whether the node is on its way out: then nothing is held. */
  readonly leaves: () => boolean;
  readonly events: EventLog;
  readonly listener: ResourceListener;
  /** All that the listener was told by now. */
  readonly view: () => ClusterView;
}

export class DeletionGuard implements ResourceListener {
  private readonly options: DeletionGuardOptions;
  private readonly gate: DeletionGate;
  private sourced: readonly SourcedProblem[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(options: DeletionGuardOptions) {
    this.options = options;
    this.gate = new DeletionGate(options.node);
  }

  snapshot(resources: AnyResource[], problems: readonly SourcedProblem[]): void {
    this.sourced = problems;
    this.judge(resources.map((resource) => ({ type: 'upsert', resource })));
    this.options.listener.snapshot(resources, problems);
  }

  changes(changes: readonly Change[], problems: readonly SourcedProblem[]): void {
    this.sourced = problems;
    const step = this.judge(changes);
    this.options.listener.changes(step.changes, problems);
    if (step.news.length > 0) this.follow(step.news);
  }

  /** What is held goes at once if the node is on its way out. */
  leave(): void {
    if (this.options.leaves()) this.pass(this.gate.release());
  }

  /** Holds no more, and lets go of nothing any more. */
  stop(): void {
    clearTimeout(this.timer);
  }

  /** Whether the BlockAffinity for a block, in text, is held. */
  holdsBlock(cidr: string): boolean {
    return this.gate.held.some(({ resource: { kind, spec } }) => kind === 'BlockAffinity' && spec.cidr === cidr);
  }

  /** What is held, a sentence. */
  get problems(): readonly string[] {
    const { held } = this.gate;
    if (held.length === 0) return [];
    const names = held.map(({ resource: { kind, metadata } }) => `${kind} "${metadata.name}"`);
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
    const last = Math.max(...held.map(({ until }) => until));
    const seconds = Math.max(0, Math.ceil((last - performance.now()) / 1000));
    const what = `${names.slice(0, NAMED).join(', ')}${more}`;
    return [`Deleted in the datastore, and kept for ${seconds} s in case that is a mistake: ${what}.`];
  }

  private judge(changes: readonly Change[]): DeletionStep {
    const { limits, leaves, view } = this.options;
    const { enabled, ...others } = limits();
    const affinities = () => applyChanges(view(), changes).list('BlockAffinity');
    return this.gate.take(changes, { enabled: enabled && !leaves(), ...others }, affinities, performance.now());
  }

  private pass({ changes, news }: DeletionStep): void {
    if (changes.length > 0) this.options.listener.changes(changes, this.sourced);
    this.follow(news);
  }

  private follow(news: readonly DeletionNews[]): void {
    for (const one of news) this.report(one);
    clearTimeout(this.timer);
    const { next } = this.gate;
    if (next === undefined) return;
    const wait = Math.max(0, Math.ceil(next - performance.now()));
    this.timer = setTimeout(() => this.pass(this.gate.due(performance.now())), wait);
  }

  private report({ kind, count, example, shares }: DeletionNews): void {
    const { maxWithdrawPercent, holdTime } = this.options.limits();
    const shared = [
      ['BlockAffinities of this node', shares?.blocks],
      ['IPPools', shares?.pools],
    ] as const;
    const many = shared
      .flatMap(([what, share]) =>
        share === undefined || share.count === 0 ? [] : `${share.count} of ${share.of} ${what}`,
      )
      .join(' and ');
    const words = {
      held: `${many} are deleted at once, and the limit is ${maxWithdrawPercent} % (services.guard): they stay in force for ${holdTime} s`,
      returned: `${count} blocks and pools that were deleted at once are there again, and stay`,
      replaced: `${count} blocks and pools that were deleted at once are kept no longer: others stand for their addresses`,
      done: `${count} blocks and pools that were kept for a moment count as deleted: they did not come back`,
    }[kind];
    const level = kind === 'held' || kind === 'done' ? 'warn' : 'info';
    this.options.events.add(
      'advertisement',
      'pods',
      `${words}; one of them is ${example.kind} "${example.metadata.name}"`,
      level,
    );
  }
}

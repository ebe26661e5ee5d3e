/**
 * The services at run time: from the datastore's changes to the routes that this node originates for them, past everything
 * that waits for sessions or for the kernel. What is wanted depends on the resources alone, not on the order in which they came.
 */
import { placedWords } from '../advertiser/originations.ts';
import { ServiceAdvertiser } from '../advertiser/service-advertiser.ts';
import { serviceContext } from '../advertiser/service-context.ts';
import type { ServiceContext, ServiceMode } from '../advertiser/service-context.ts';
import type { ServiceChanges, ServiceRoute } from '../advertiser/service-routes.ts';
import { WithdrawalGate } from '../advertiser/withdrawal-gate.ts';
import type { GateLimits, GateStep, GuardNews, HeldWithdrawal } from '../advertiser/withdrawal-gate.ts';
import type { AdvertiserCounters } from '../api/daemon-view.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Change, ClusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import type { EventLog } from '../process/event-log.ts';
import type { LabelledRoute } from './own-routes.ts';
import type { ServiceListener } from './resource-feed.ts';
import { ServiceEvents } from './service-events.ts';
import { serviceDifferences } from './view/service-differences.ts';
import type { ServiceDifferences, ViewChange } from './view/service-differences.ts';

/** How services are advertised, beyond what the resources say. */
export interface ServiceSettings extends GateLimits {
  readonly mode: ServiceMode;
}

export interface ServiceRunnerOptions {
  /** Name of this node. */
  readonly node: string;
  readonly settings: ServiceSettings;
  readonly events: EventLog;
  /** Brings what is originated in line. */
  readonly change: (set: readonly LabelledRoute[], removed: readonly Prefix[]) => void;
  /** Called with what was thrown: a defect, which must not take anything else with it. */
  readonly failed: (error: unknown) => void;
}

export class ServiceRunner implements ServiceListener {
  readonly advertiser = new ServiceAdvertiser();
  private readonly options: ServiceRunnerOptions;
  private readonly gate: WithdrawalGate<ServiceRoute>;
  private readonly told: ServiceEvents;
  private settings: ServiceSettings;
  private view: ClusterView | undefined;
  private current: ServiceContext | undefined;
  private hasBegun = false;
  private isDrained = false;
  private timer: NodeJS.Timeout | undefined;
  /** Routes that came, changed or went since the start. */
  private changeCount = 0;

  constructor(options: ServiceRunnerOptions) {
    this.options = options;
    this.settings = options.settings;
    this.gate = new WithdrawalGate(options.settings, true, (route) => this.advertiser.isServedElsewhere(route));
    this.told = new ServiceEvents(options.events, (route, isTold) => this.why(route, isTold));
  }

  snapshot(resources: readonly AnyResource[]): void {
    this.take(() => this.advertiser.replace(resources));
  }

  changes(changes: readonly Change[]): void {
    this.take(() => this.advertiser.change(changes));
  }

  /** Takes everything else in the resources that decides how services are advertised. */
  context(view: ClusterView): void {
    this.view = view;
    this.take(() => {
      const context = serviceContext(view, { name: this.options.node }, this.settings.mode, this.current);
      if (context === this.current) return undefined;
      this.current = context;
      return this.advertiser.setContext(context);
    });
  }

  /** From now on routes are originated: the router knows who this node is. */
  begin(): void {
    this.hasBegun = true;
    this.setWithheld();
  }

  /** Withdraws all routes at once, whatever a guard would say, and originates none until it is called with false. */
  withhold(on: boolean): void {
    this.isDrained = on;
    this.setWithheld();
  }

  configure(settings: ServiceSettings): void {
    const isOther = settings.mode !== this.settings.mode;
    this.settings = settings;
    this.gate.configure(settings);
    if (isOther && this.view !== undefined) this.context(this.view);
  }

  /** Changes nothing any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.told.stop();
    // What is under way may still call `begin`.
    this.isDrained = true;
    this.gate.withhold(true);
  }

  /** What a change of the resources would do to the routes that are wanted. */
  differences(change: ViewChange): Promise<ServiceDifferences> {
    return serviceDifferences(change, { name: this.options.node }, this.settings.mode);
  }

  /** Whether nothing is originated, whatever is wanted. */
  get withheld(): boolean {
    return this.gate.withheld;
  }

  /** Withdrawals that wait, by text of the prefix; {@link dateOf} tells until when. */
  get held(): ReadonlyMap<string, HeldWithdrawal<ServiceRoute>> {
    return this.gate.held;
  }

  /** When a withdrawal that waits is done, in milliseconds since 1970. */
  dateOf({ until }: HeldWithdrawal<ServiceRoute>): number {
    return until + Date.now() - performance.now();
  }

  /** How many withdrawals wait. */
  get heldCount(): number {
    return this.gate.held.size;
  }

  /** How much there is, and what became of it. */
  get counters(): AdvertiserCounters {
    return {
      ...this.advertiser.counts,
      held: this.heldCount,
      withheld: this.gate.withheld,
      changes: this.changeCount,
    };
  }

  /** What is not done as the resources say, a sentence each. */
  get problems(): readonly string[] {
    const words = this.advertiser.problems.map(placedWords);
    const guarded = [...this.gate.held.values()].filter(({ why }) => why === 'guard');
    if (guarded.length === 0) return words;
    const last = Math.max(...guarded.map(({ until }) => until));
    const seconds = Math.max(0, Math.ceil((last - performance.now()) / 1000));
    return [
      ...words,
      `${guarded.length} routes to services are wanted no more, and kept for ${seconds} s in case that is a mistake.`,
    ];
  }

  private take(work: () => ServiceChanges | undefined): void {
    this.attempt(() => {
      const changes = work();
      if (changes === undefined || changes.set.length + changes.removed.length === 0) return;
      this.apply(this.gate.take(changes, performance.now()));
    });
  }

  private setWithheld(): void {
    this.attempt(() => this.apply(this.gate.withhold(!this.hasBegun || this.isDrained)));
  }

  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.options.failed(error);
    }
  }

  private apply(step: GateStep<ServiceRoute>): void {
    const { added, changed, removed, news } = step;
    const count = added.length + changed.length + removed.length;
    if (count > 0) {
      this.changeCount += count;
      const set = [...added, ...changed].map(({ prefix, label, service }) => ({
        prefix,
        label,
        reason: reasonOf(service),
      }));
      this.options.change(
        set,
        removed.map(({ prefix }) => prefix),
      );
      this.told.take(step);
    }
    for (const one of news) this.report(one);
    this.schedule();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { next } = this.gate;
    if (next === undefined) return;
    const wait = Math.max(0, Math.ceil(next - performance.now()));
    this.timer = setTimeout(() => this.attempt(() => this.apply(this.gate.due(performance.now()))), wait);
  }

  private report({ kind, count, of, example }: GuardNews): void {
    const { maxWithdrawPercent, holdTime } = this.settings.guard;
    const limit = `the limit is ${maxWithdrawPercent} % (services.guard)`;
    const words = {
      held: `${count} of ${of} routes to services would be withdrawn at once, and ${limit}: they are kept for ${holdTime} s`,
      returned: `${count} routes to services that were kept for a moment are wanted again, and stay`,
      done: `${count} routes to services that were kept for a moment are withdrawn: nothing has asked for them since`,
    }[kind];
    const level = kind === 'returned' ? 'info' : 'warn';
    this.options.events.add('advertisement', 'services', `${words}; one of them is ${formatPrefix(example)}`, level);
  }

  /** Worked out only for what is told one by one. */
  private why({ prefix, service }: ServiceRoute, isTold: boolean): string {
    if (isTold) return this.advertiser.reason(prefix) ?? reasonOf(service);
    if (this.gate.withheld) return 'services are withheld';
    const [namespace, name] = service.split('/');
    const [text] = formatPrefix(prefix).split('/');
    const addresses = name === undefined ? [] : (this.advertiser.explain(namespace, name)?.addresses ?? []);
    return addresses.find(({ address }) => address === text)?.words ?? 'nothing asks for it any more';
  }
}

function reasonOf(service: string): string {
  return service === '' ? 'It is for addresses of services.' : `It is for service ${service}.`;
}

/** The drain of this node at run time: what asks for it, its stages in time, and what is remembered over a restart. */
import { drainCauses, drainEffects, drainStart, drainStep, drainTarget } from '../advertiser/drain.ts';
import type { DrainEffects, DrainInputs, DrainState, DrainStep } from '../advertiser/drain.ts';
import type { ActionResult, DrainInput, DrainReport } from '../api/types.ts';
import { toPastTimestamp, toTimestamp } from '../api/timestamps.ts';
import { reasonOf } from '../datastore/datastore-error.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { NO_FACTS, nodeFacts, whyStopDrains } from './drain-facts.ts';
import type { DrainSettings, NodeFacts } from './drain-facts.ts';
import { readDrainFile, writeDrainFile } from './drain-file.ts';
import type { DrainCommand, RememberedDrain } from './drain-file.ts';
import { causeWords, situationWords, stageWords } from './drain-words.ts';
import type { EventLog } from '../process/event-log.ts';

/** How often to look whether the peers were told, and for how long, in milliseconds. */
const TOLD_POLL = 10;
const TOLD_PATIENCE = 10_000;

/** How long a daemon that stops waits for peers to take what it withdraws, in milliseconds. */
const LAST_PATIENCE = 2000;

export interface DrainRunnerOptions {
  readonly node: string;
  readonly events: EventLog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly settings: () => DrainSettings;
  /** Where to remember a drain; undefined where that is not wanted. */
  readonly file: string | undefined;
  /** Whether packets were forwarded by an earlier run, whose routes peers may still have. */
  readonly restarting: () => boolean;
  readonly withholdServices: (withhold: boolean) => void;
  /** Puts the effects in force. */
  readonly apply: () => Promise<void>;
  /** Whether every peer was told all that is in force. */
  readonly isTold: () => boolean;
  /** Stops the daemon for good. */
  readonly shutDown: () => void;
  readonly isSystemStopping: () => Promise<boolean>;
}

export class DrainRunner {
  private readonly options: DrainRunnerOptions;
  private facts: NodeFacts = NO_FACTS;
  private command: DrainCommand | undefined;
  /** What to do at the end of the drain by command. */
  private stopsForGood = false;
  private stopping = false;
  /** Undefined before the first resources. */
  private state: DrainState | undefined;
  private lastStep: DrainStep | undefined;
  /** When the stage was entered, milliseconds since 1970. */
  private stageAt: number;
  private carryingOut = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  /** Whether the file is there. */
  private remembered = false;
  private readonly waiting: (() => void)[] = [];

  constructor(options: DrainRunnerOptions) {
    this.options = options;
    this.stageAt = options.now();
  }

  /** What is to be in force now; the same stage gives the same object. */
  get effects(): DrainEffects {
    return drainEffects(this.state?.stage ?? 'serving');
  }

  /** Takes what the resources say of the node; the first time, after what is remembered. Call it before the effects are read. */
  take(view: ClusterView): void {
    const facts = nodeFacts(view, this.options.node);
    if (facts === undefined) return;
    this.facts = facts;
    if (this.state === undefined) this.start();
    this.step();
  }

  /** Begins a drain, or changes what is said of one. */
  drain({ forGood, waitSeconds, message }: DrainInput): ActionResult {
    const again = this.command !== undefined;
    this.command = {
      ...(message !== undefined && { message }),
      ...(waitSeconds !== undefined && { wait: waitSeconds }),
    };
    this.stopsForGood = forGood;
    if (this.state === undefined) this.start();
    const { events, node } = this.options;
    const why = message === undefined ? '' : `: "${message}"`;
    events.add('daemon', node, `drain: asked for with \`starling drain\`${forGood ? ' --for-good' : ''}${why}`);
    const remembered = this.remember();
    this.step();
    const lasts = remembered
      ? 'It lasts until `starling undrain`, also over a restart.'
      : 'It lasts until `starling undrain` or a restart of the daemon, which would not know of it.';
    const end = forGood ? ', then the daemon stops for good' : '';
    return { words: `The drain ${again ? 'goes on' : 'begins'}${end}. ${lasts}` };
  }

  /** Ends a drain by command. Where resources ask for one too, it goes on. */
  undrain(): ActionResult {
    // Before the first resources the command of an earlier run is not known yet.
    if (this.state === undefined) this.start();
    const wasCommanded = this.command !== undefined;
    this.command = undefined;
    this.stopsForGood = false;
    const others = this.causes.join(', and ');
    if (wasCommanded) {
      this.options.events.add('daemon', this.options.node, 'drain: ended with `starling undrain`');
      this.remember();
      this.step();
    }
    if (others !== '') return { words: `No command drains the node any more, but it stays drained because ${others}.` };
    return { words: wasCommanded ? 'The node comes back: pods first, then services.' : 'The node is not drained.' };
  }

  /**
   * Before a stop by signal: where the node goes down, or the configuration says so, everything is withdrawn in order first.
   * Resolves to whether that was done; a stop is no restart then.
   */
  async beforeStop(): Promise<boolean> {
    const { settings, isSystemStopping, events, node } = this.options;
    const { onStop } = settings();
    // Whoever asks twice does not want to wait.
    if (this.stopping) return true;
    if (onStop === 'never' || this.state === undefined) return false;
    const draining = drainTarget(this.inputs(false)) !== 'serving';
    const why = whyStopDrains(onStop, this.facts, { draining, systemStops: await isSystemStopping() });
    if (why === undefined) return false;
    events.add('daemon', node, `drain: this stop is no restart, because ${why}`);
    this.stopping = true;
    const done = new Promise<void>((resolve) => this.waiting.push(resolve));
    this.step();
    await done;
    return true;
  }

  /** No more steps; what is remembered stays. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  get report(): DrainReport {
    const now = this.options.now();
    const stage = this.state?.stage ?? 'serving';
    const target = this.lastStep?.target ?? 'serving';
    const causes = [...this.causes];
    const next = this.state?.toldAt === undefined ? undefined : this.lastStep?.next;
    const left = next === undefined ? undefined : Math.max(0, next - performance.now());
    const seconds = left === undefined ? undefined : left / 1000;
    return {
      stage,
      target,
      since: toPastTimestamp(this.stageAt, now),
      nextStageAt: left === undefined ? null : toTimestamp(now + left),
      causes,
      words: situationWords({ stage, target, causes, seconds }),
    };
  }

  /**
   * Peers that still have the routes of an earlier run hear what that run would have told them; else there is nothing to lose,
   * and a node that is to be drained does not even begin to serve.
   */
  private start(): void {
    const { file, events, node, restarting, withholdServices } = this.options;
    let earlier: RememberedDrain | undefined;
    try {
      earlier = file === undefined ? undefined : readDrainFile(file);
    } catch (error) {
      events.add('daemon', node, `drain: ${reasonOf(error)}; nothing is remembered of an earlier run`, 'warn');
    }
    this.remembered = earlier !== undefined;
    this.command ??= earlier?.command;
    const target = drainTarget(this.inputs(false));
    const stage = restarting() ? (earlier?.stage ?? 'serving') : target;
    this.enter(drainStart(stage, performance.now()));
    withholdServices(this.effects.withholdServices);
    if (stage !== 'serving') this.tellStage();
  }

  /** Does what is due, and sees to it that it is looked again. Call it when the settings changed. */
  step(): void {
    clearTimeout(this.timer);
    if (this.state === undefined || this.stopped) return;
    const now = performance.now();
    const { stage } = this.state;
    const step = drainStep(this.state, this.inputs(this.carryingOut === 0 && this.options.isTold()), now);
    this.lastStep = step;
    if (step.state.stage === stage) this.state = step.state;
    else {
      this.enter(step.state);
      this.tellStage();
      void this.carryOut();
    }
    this.finish(now);
    this.schedule(step, now);
  }

  private enter(state: DrainState): void {
    this.state = state;
    this.stageAt = this.options.now();
    this.remember();
  }

  private tellStage(): void {
    this.options.events.add('daemon', this.options.node, stageWords(this.state!.stage, this.causes));
  }

  private async carryOut(): Promise<void> {
    this.carryingOut++;
    this.options.withholdServices(this.effects.withholdServices);
    await this.options.apply();
    this.carryingOut--;
    this.step();
  }

  private schedule({ next }: DrainStep, now: number): void {
    const { toldAt, since } = this.state!;
    const polls = toldAt === undefined && now < since + TOLD_PATIENCE;
    if (polls) this.timer = setTimeout(() => this.step(), TOLD_POLL);
    else if (next !== undefined) this.timer = setTimeout(() => this.step(), Math.max(0, Math.ceil(next - now)));
  }

  /** Goes on with what waits for the end of the drain. */
  private finish(now: number): void {
    const { stage, toldAt, since } = this.state!;
    if (stage !== 'withdrawn' || (toldAt === undefined && now < since + LAST_PATIENCE)) return;
    for (const resolve of this.waiting.splice(0)) resolve();
    if (!this.stopsForGood) return;
    this.stopsForGood = false;
    this.options.shutDown();
  }

  private inputs(told: boolean): DrainInputs {
    const { onCordon, onOutOfService, onNetworkUnavailable, wait, servicesWait } = this.options.settings();
    return {
      stopping: this.stopping,
      command: this.command !== undefined,
      outOfService: onOutOfService && this.facts.outOfService,
      cordoned: onCordon && this.facts.cordoned,
      networkUnavailable: onNetworkUnavailable && this.facts.networkUnavailable,
      limits: { wait: (this.command?.wait ?? wait) * 1000, servicesWait: servicesWait * 1000 },
      told,
    };
  }

  /** In words. */
  private get causes(): readonly string[] {
    return drainCauses(this.inputs(false)).map((cause) => causeWords(cause, this.command?.message));
  }

  /** Writes down what counts after a restart; false where that can't be. */
  private remember(): boolean {
    const { file, events, node } = this.options;
    if (file === undefined) return false;
    const stage = this.state?.stage ?? 'serving';
    const isNothing = stage === 'serving' && this.command === undefined;
    if (isNothing && !this.remembered) return true;
    try {
      writeDrainFile(
        file,
        isNothing ? undefined : { stage, ...(this.command !== undefined && { command: this.command }) },
      );
    } catch (error) {
      const words = `drain: not remembered over a restart, as ${file} can't be written: ${reasonOf(error)}`;
      events.add('daemon', node, words, 'warn');
      return false;
    }
    this.remembered = !isNothing;
    return true;
  }
}

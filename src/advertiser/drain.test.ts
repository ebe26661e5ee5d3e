import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DRAIN_STAGES, drainCauses, drainEffects, drainStart, drainStep, drainTarget } from './drain.ts';
import type { DrainCause, DrainInputs, DrainStage, DrainState } from './drain.ts';

const WAIT = 10_000;
const SERVICES_WAIT = 5000;

const QUIET: DrainInputs = {
  stopping: false,
  command: false,
  outOfService: false,
  cordoned: false,
  networkUnavailable: false,
  limits: { wait: WAIT, servicesWait: SERVICES_WAIT },
  told: true,
};

const CAUSES: readonly DrainCause[] = ['stopping', 'command', 'outOfService', 'cordoned', 'networkUnavailable'];

/** The stages entered from `start` on until nothing changes any more, each with the time. */
function run(start: DrainStage, inputs: Partial<DrainInputs>): string[] {
  const all = { ...QUIET, ...inputs };
  const entered: string[] = [];
  let state = drainStart(start, 0);
  for (let at: number | undefined = 0; at !== undefined;) {
    const step = drainStep(state, all, at);
    if (step.state.stage !== state.stage) entered.push(`${at} ${step.state.stage}`);
    state = step.state;
    // Peers that were told are heard of in the same moment.
    at = all.told && state.toldAt === undefined ? at : step.next;
  }
  return entered;
}

describe('drainStep', () => {
  it.each<[string, DrainStage, Partial<DrainInputs>, string[]]>([
    ['stays as it is without a cause', 'serving', {}, []],
    [
      'goes all the way by command',
      'serving',
      { command: true },
      ['0 graceful-shutdown', '10000 services-withdrawn', '15000 withdrawn'],
    ],
    [
      'goes all the way where the node is out of service',
      'serving',
      { outOfService: true },
      ['0 graceful-shutdown', '10000 services-withdrawn', '15000 withdrawn'],
    ],
    [
      'keeps pods where the node is cordoned',
      'serving',
      { cordoned: true },
      ['0 graceful-shutdown', '10000 services-withdrawn'],
    ],
    [
      'keeps pods where somebody says that the network is not up',
      'serving',
      { networkUnavailable: true },
      ['0 graceful-shutdown', '10000 services-withdrawn'],
    ],
    [
      'waits less while the daemon stops',
      'serving',
      { stopping: true },
      ['0 graceful-shutdown', '2000 services-withdrawn', '4000 withdrawn'],
    ],
    [
      'never waits longer than configured while the daemon stops',
      'serving',
      { stopping: true, limits: { wait: 100, servicesWait: 0 } },
      ['0 graceful-shutdown', '100 services-withdrawn', '100 withdrawn'],
    ],
    [
      'does not wait for ever for a peer that takes nothing',
      'serving',
      { command: true, told: false },
      ['0 graceful-shutdown', '20000 services-withdrawn', '35000 withdrawn'],
    ],
    ['comes back in reverse', 'withdrawn', {}, ['0 services-withdrawn', '0 graceful-shutdown', '0 serving']],
    [
      'takes GRACEFUL_SHUTDOWN off only when the routes were told, or nobody takes them',
      'withdrawn',
      { told: false },
      ['10000 services-withdrawn', '20000 graceful-shutdown', '30000 serving'],
    ],
    ['comes back as far as the node is still cordoned', 'withdrawn', { cordoned: true }, ['0 services-withdrawn']],
    ['goes on where it was', 'services-withdrawn', { command: true }, ['5000 withdrawn']],
  ])('%s', (_name, start, inputs, expected) => {
    expect(run(start, inputs)).toEqual(expected);
  });

  it('says what counts, the strongest first, and where that leads', () => {
    const inputs = { ...QUIET, cordoned: true, command: true };
    expect(drainCauses(inputs)).toEqual(['command', 'cordoned']);
    expect(drainStep(drainStart('serving', 0), inputs, 0).target).toBe('withdrawn');
  });

  it('tells GRACEFUL_SHUTDOWN before and while anything is withheld', () => {
    for (const stage of DRAIN_STAGES.slice(1)) expect(drainEffects(stage).gracefulShutdown).toBe(true);
    expect(drainEffects('serving')).toEqual({
      gracefulShutdown: false,
      withholdServices: false,
      withholdPods: false,
    });
  });

  it('keeps its promises whatever happens in whatever order', () => {
    const event = fc.record({
      after: fc.integer({ min: 0, max: 15_000 }),
      toggle: fc.constantFrom<DrainCause | 'told'>(...CAUSES, 'told'),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const world = new World();
        for (const { after, toggle } of events) {
          world.pass(after);
          world.toggle(toggle);
        }
        world.pass(200_000);
        expect(world.stage).toBe(drainTarget(world.inputs));
      }),
      { numRuns: 200 },
    );
  });
});

/** Runs the machine as its runner does, and looks at each step that the promises hold. */
class World {
  inputs: DrainInputs = QUIET;
  private peersHear = true;
  private state: DrainState = drainStart('serving', 0);
  private now = 0;
  /** Since when peers hear GRACEFUL_SHUTDOWN without a break. */
  private announcedAt: number | undefined;

  get stage(): DrainStage {
    return this.state.stage;
  }

  toggle(what: DrainCause | 'told'): void {
    if (what === 'told') this.peersHear = !this.peersHear;
    else this.inputs = { ...this.inputs, [what]: !this.inputs[what] };
    this.settle();
  }

  pass(time: number): void {
    const end = this.now + time;
    for (let next = this.settle(); next !== undefined && next <= end; next = this.settle()) this.now = next;
    this.now = end;
    this.settle();
  }

  /** Steps until only time or other inputs change anything; gives when to look again. */
  private settle(): number | undefined {
    for (;;) {
      const before = this.state;
      const { state, next } = drainStep(before, { ...this.inputs, told: this.peersHear }, this.now);
      this.state = state;
      if (state.stage === before.stage) {
        if (next === undefined || next > this.now) return next;
        continue;
      }
      expect(Math.abs(DRAIN_STAGES.indexOf(state.stage) - DRAIN_STAGES.indexOf(before.stage))).toBe(1);
      if (!drainEffects(state.stage).gracefulShutdown) this.announcedAt = undefined;
      else this.announcedAt ??= this.now;
      const goesUp = DRAIN_STAGES.indexOf(state.stage) > DRAIN_STAGES.indexOf(before.stage);
      if (!goesUp || before.stage === 'serving') continue;
      // What is withdrawn was told with GRACEFUL_SHUTDOWN, and before pods services were withdrawn, for as long as it takes.
      const isServices = before.stage === 'graceful-shutdown';
      const waited = this.now - (isServices ? this.announcedAt! : before.since);
      const wait = isServices ? WAIT : SERVICES_WAIT;
      expect(waited).toBeGreaterThanOrEqual(this.inputs.stopping ? Math.min(wait, 2000) : wait);
    }
  }
}

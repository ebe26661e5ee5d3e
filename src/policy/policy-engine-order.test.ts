import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostInterfaces, policyEvent } from '../../test/support/policy-events.ts';
import type { PolicyEvent } from '../../test/support/policy-events.ts';
import { NaiveSets } from '../../test/support/naive-sets.ts';
import { ToldModel } from '../../test/support/told-model.ts';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { PolicyEngine } from './policy-engine.ts';

type Step =
  | { readonly kind: 'change'; readonly events: readonly PolicyEvent[] }
  | { readonly kind: 'take' }
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'repeat' }
  | { readonly kind: 'interfaces'; readonly interfaces: Parameters<PolicyEngine['setInterfaces']>[0] };

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(policyEvent, { maxLength: 4, size: 'max' }).map((events): Step => ({ kind: 'change', events })),
  },
  { weight: 3, arbitrary: fc.constant<Step>({ kind: 'take' }) },
  { weight: 1, arbitrary: fc.constantFrom<Step[]>({ kind: 'snapshot' }, { kind: 'repeat' }) },
  { weight: 1, arbitrary: hostInterfaces.map((interfaces): Step => ({ kind: 'interfaces', interfaces })) },
);

/** An engine to which all this happened, and what there is at the end. */
class History {
  readonly engine = new PolicyEngine({ node: 'n1' });
  readonly told = new ToldModel();
  readonly present = new Map<string, AnyResource>();
  interfaces: Parameters<PolicyEngine['setInterfaces']>[0] = [];

  play(one: Step): void {
    if (one.kind === 'change') this.engine.change(one.events.map((event) => this.#apply(event)));
    else if (one.kind === 'snapshot') this.engine.snapshot(this.present.values());
    else if (one.kind === 'repeat') this.repeat();
    else if (one.kind === 'interfaces') this.engine.setInterfaces((this.interfaces = one.interfaces));
    else this.told.take(this.engine);
  }

  /** Tells again what is there. */
  repeat(): void {
    this.engine.change([...this.present.values()].map((resource) => ({ type: 'upsert', resource })));
  }

  #apply({ slot, resource, isThere }: PolicyEvent): Change {
    if (isThere) {
      this.present.set(slot, resource);
      return { type: 'upsert', resource };
    }
    this.present.delete(slot);
    const { kind, metadata } = resource;
    const { namespace, name } = metadata;
    return { type: 'delete', kind, name, ...(namespace === undefined ? {} : { namespace }) };
  }
}

function play(steps: readonly Step[]): History {
  const history = new History();
  for (const one of steps) history.play(one);
  history.told.take(history.engine);
  return history;
}

const histories = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }).map(play);

/** What an engine tells that sees only what there is. */
function fresh({ present, interfaces }: Pick<History, 'present' | 'interfaces'>): {
  engine: PolicyEngine;
  told: ToldModel;
} {
  const engine = new PolicyEngine({ node: 'n1' });
  const told = new ToldModel();
  engine.setInterfaces(interfaces);
  engine.snapshot(present.values());
  told.take(engine);
  return { engine, told };
}

describe('PolicyEngine, whatever happened before', () => {
  it('has told in all what it tells of the end alone, and nothing twice', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const other = fresh(history);
        expect(history.told.plain()).toEqual(other.told.plain());
        expect(history.engine.counts).toEqual(other.engine.counts);
        expect(history.engine.policies()).toEqual(other.engine.policies());
        expect(sorted(history.engine.problems)).toEqual(sorted(other.engine.problems));
        history.repeat();
        history.engine.snapshot(history.present.values());
        expect(history.engine.take()).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  it('takes the rest as a snapshot where changes told of a part', () => {
    fc.assert(
      fc.property(histories, fc.nat(), ({ present, interfaces }, told) => {
        const resources = [...present.values()];
        const early = resources.filter((_, i) => (told >> (i % 31)) % 2 === 1);
        const engine = new PolicyEngine({ node: 'n1' });
        const model = new ToldModel();
        engine.setInterfaces(interfaces);
        engine.change(early.map((resource) => ({ type: 'upsert', resource })));
        engine.snapshot(
          resources.filter((resource) => !early.includes(resource)),
          false,
        );
        model.take(engine);
        const other = fresh({ present, interfaces });
        expect(model.plain()).toEqual(other.told.plain());
        expect(engine.counts).toEqual(other.engine.counts);
      }),
      { numRuns: 30 },
    );
  });

  it('holds nothing when nothing is there any more', () => {
    fc.assert(
      fc.property(histories, ({ engine, told }) => {
        engine.snapshot([]);
        engine.setInterfaces([]);
        told.take(engine);
        expect(told.plain()).toEqual(fresh(new History()).told.plain());
        expect(engine.counts).toEqual(fresh(new History()).engine.counts);
      }),
      { numRuns: 30 },
    );
  });

  it('has in every set what a walk over all endpoints finds', () => {
    fc.assert(
      fc.property(histories, ({ engine, told, present }) => {
        const naive = new NaiveSets(engine, present.values());
        for (const { spec, members } of told.sets.values()) {
          expect([spec, [...members].toSorted()]).toEqual([spec, naive.members(spec)]);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('asks of every workload the policies that pick it, and of sets what they hold', () => {
    fc.assert(
      fc.property(histories, ({ engine, told, present }) => {
        const naive = new NaiveSets(engine, present.values());
        for (const { endpoint: key, ingress, egress } of told.workloads.values()) {
          expect(named(told, ingress)).toEqual(naive.policies(key, 'ingress'));
          expect(named(told, egress)).toEqual(naive.policies(key, 'egress'));
        }
        for (const { spec } of told.sets.values()) {
          for (const address of ['10.0.0.1', '10.0.0.2', '10.9.9.9', '192.0.2.1', 'fd00::1']) {
            expect(engine.lookup.hasAddress(spec, address)).toBe(naive.hasAddress(spec, address));
            expect(engine.lookup.hasPort(spec, address, 6, 80)).toBe(naive.members(spec).includes(`${address} 6 80`));
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});

function sorted(list: readonly unknown[]): readonly string[] {
  return list.map((one) => JSON.stringify(one)).toSorted();
}

/** Policies of rules, sorted by key. */
function named(told: ToldModel, id: string): readonly string[] | undefined {
  return told.rules
    .get(id)
    ?.tiers.flatMap(({ policies }) => policies)
    .toSorted();
}

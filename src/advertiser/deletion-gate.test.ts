import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyChanges, clusterView } from '../resources/cluster-view.ts';
import type { Change, ClusterView } from '../resources/cluster-view.ts';
import type { AnyResource, ResourceOf } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { DeletionGate } from './deletion-gate.ts';
import type { DeletionLimits, DeletionStep } from './deletion-gate.ts';

const LIMITS: DeletionLimits = { enabled: true, maxWithdrawPercent: 50, holdTime: 10 };

function resource(kind: string, name: string, spec: object): AnyResource {
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
}

const block = (number: number, state = 'confirmed', node = 'n1', name = `n1-${number}`) =>
  resource('BlockAffinity', name, { cidr: `10.244.${number}.0/26`, node, state });
const pool = (number: number, more: object = {}, name = `pool-${number}`) =>
  resource('IPPool', name, { cidr: `10.${number}.0.0/16`, ...more });

const upsert = (one: AnyResource): Change => ({ type: 'upsert', resource: one });
const removal = ({ kind, metadata: { name } }: AnyResource): Change => ({ type: 'delete', kind, name });

/** A gate, and the view behind it. */
class Gated {
  view: ClusterView = clusterView([]);
  readonly gate = new DeletionGate('n1');

  /** What is told of it. */
  take(changes: readonly Change[], now = 0, limits = LIMITS): string[] {
    const affinities = () => applyChanges(this.view, changes).list('BlockAffinity');
    return this.follow(this.gate.take(changes, limits, affinities, now));
  }

  follow({ changes, news }: DeletionStep): string[] {
    this.view = applyChanges(this.view, changes);
    return news.map(({ kind, count, shares }) => {
      const of = [shares?.blocks, shares?.pools].map((share) => `${share?.count}/${share?.of}`).join(' ');
      return `${kind} ${count}${shares === undefined ? '' : `: ${of}`}`;
    });
  }

  get names(): string[] {
    return [...this.view.list('BlockAffinity'), ...this.view.list('IPPool')].map(({ metadata }) => metadata.name);
  }
}

function gated(...resources: AnyResource[]): Gated {
  const one = new Gated();
  expect(one.take(resources.map(upsert))).toEqual([]);
  return one;
}

describe('blocks and pools that are deleted', () => {
  it('are held where they are most of them, and go when their time is over', () => {
    const one = gated(block(1), block(2), block(3), pool(244));
    expect(one.take([1, 2].map((number) => removal(block(number))))).toEqual(['held 2: 2/3 0/1']);
    expect([one.names, one.gate.next]).toEqual([['n1-1', 'n1-2', 'n1-3', 'pool-244'], 10_000]);
    expect(one.follow(one.gate.due(9_999))).toEqual([]);
    expect(one.names).toHaveLength(4);
    expect(one.follow(one.gate.due(10_000))).toEqual(['done 2']);
    expect([one.names, one.gate.next, one.gate.held]).toEqual([['n1-3', 'pool-244'], undefined, []]);
  });

  it('are held where there was only one', () => {
    const one = gated(block(1), pool(244));
    expect(one.take([removal(block(1)), removal(pool(244))])).toEqual(['held 2: 1/1 1/1']);
    expect(one.names).toHaveLength(2);
  });

  it('go at once where they are few of many, or the limits hold nothing', () => {
    const one = gated(block(1), block(2), block(3));
    expect(one.take([removal(block(1))])).toEqual([]);
    expect(one.names).toEqual(['n1-2', 'n1-3']);
    for (const limits of [{ enabled: false }, { holdTime: 0 }, { maxWithdrawPercent: 100 }]) {
      const other = gated(block(1), pool(1));
      expect(other.take([removal(block(1)), removal(pool(1))], 0, { ...LIMITS, ...limits })).toEqual([]);
      expect(other.names).toEqual([]);
    }
  });

  it('count together where they go one after the other, and those that went before are there again', () => {
    const one = gated(block(1), block(2), block(3));
    one.take([removal(block(1))], 0);
    expect(one.names).toEqual(['n1-2', 'n1-3']);
    expect(one.take([removal(block(2))], 1_999)).toEqual(['held 2: 2/3 0/0']);
    expect(one.names).toEqual(['n1-1', 'n1-2', 'n1-3']);
    expect(one.take([removal(block(3))], 9_000)).toEqual(['held 1: 3/3 0/0']);
    expect(one.follow(one.gate.due(11_999))).toEqual(['done 2']);
    expect(one.names).toEqual(['n1-3']);
    const slow = gated(block(1), block(2), block(3));
    slow.take([removal(block(1))], 0);
    expect(slow.take([removal(block(2))], 2_000)).toEqual([]);
    expect(slow.names).toEqual(['n1-3']);
    const moved = gated(block(1), block(2), block(3));
    moved.take([removal(block(1))], 0);
    expect(moved.take([upsert(block(1, 'confirmed', 'n2', 'n2-1')), removal(block(2))], 1)).toEqual([]);
    expect(moved.names).toEqual(['n1-3', 'n2-1']);
  });

  it('stay when they come back, with what they say then', () => {
    const one = gated(block(1), block(2), pool(1));
    one.take([removal(block(1)), removal(block(2)), removal(pool(1))]);
    expect(one.take([upsert(block(1)), upsert(pool(1, { disableBGPExport: true }))], 500)).toEqual(['returned 2']);
    expect(one.view.get('IPPool', 'pool-1')?.spec.disableBGPExport).toBe(true);
    expect(one.follow(one.gate.due(10_000))).toEqual(['done 1']);
    expect(one.names).toEqual(['n1-1', 'pool-1']);
    expect(one.take([removal(block(1))], 10_001)).toEqual(['held 1: 1/1 0/0']);
  });

  it('go at once where the node gave the block up before', () => {
    const one = gated(block(1));
    one.take([upsert(block(1, 'pendingDeletion'))]);
    expect(one.take([removal(block(1))])).toEqual([]);
    expect(one.names).toEqual([]);
    const atOnce = gated(block(1));
    expect(atOnce.take([upsert(block(1, 'pendingDeletion')), removal(block(1))])).toEqual([]);
    expect(atOnce.names).toEqual([]);
  });

  it('are of no concern where they are not of this node, or not its blocks yet', () => {
    const one = gated(block(1, 'confirmed', 'n2'), block(2, 'pending'), block(3));
    expect(one.take([removal(block(1)), removal(block(2))])).toEqual([]);
    expect(one.names).toEqual(['n1-3']);
  });

  it('go at once where the block is another node’s by now', () => {
    const one = gated(block(1), block(2));
    expect(one.take([upsert(block(1, 'confirmed', 'n2')), upsert(block(2, 'confirmed', 'n2'))])).toEqual([]);
    expect(one.gate.held).toEqual([]);
    const renamed = gated(block(1), block(2));
    const moved = [removal(block(1)), upsert(block(1, 'confirmed', 'n2', 'n2-1')), removal(block(2))];
    expect(renamed.take(moved)).toEqual([]);
    expect(renamed.names).toEqual(['n2-1']);
    const earlier = gated(block(1), block(1, 'confirmed', 'n2', 'n2-1'));
    expect(earlier.take([removal(block(1))])).toEqual([]);
    const later = gated(block(1));
    later.take([removal(block(1))]);
    expect(later.take([upsert(block(1, 'pending', 'n2', 'n2-1'))])).toEqual([]);
    expect(later.take([upsert(block(1, 'confirmed', 'n2', 'n2-1'))])).toEqual(['replaced 1']);
    expect(later.names).toEqual(['n2-1']);
  });

  it('go at once where another pool covers what they did', () => {
    const one = gated(pool(1));
    expect(one.take([removal(pool(1)), upsert(pool(1, { disableBGPExport: true }, 'new'))])).toEqual([]);
    expect(one.names).toEqual(['new']);
    const later = gated(pool(1));
    later.take([removal(pool(1))]);
    expect(later.take([upsert(pool(2))])).toEqual([]);
    expect(later.take([upsert(resource('IPPool', 'half', { cidr: '10.1.0.0/17' }))])).toEqual(['replaced 1']);
    expect(later.names).toEqual(['half', 'pool-2']);
  });

  it('do not keep routes of a pool from peers for longer, but with the blocks in it', () => {
    const secret = pool(244, { disableBGPExport: true });
    const one = gated(block(1), secret, pool(1));
    expect(one.take([removal(secret)])).toEqual([]);
    expect(one.names).toEqual(['n1-1', 'pool-1']);
    const wiped = gated(block(1), secret);
    expect(wiped.take([removal(secret), removal(block(1))])).toEqual(['held 2: 1/1 0/0']);
    expect(wiped.names).toEqual(['n1-1', 'pool-244']);
  });

  it('go at once when they are let go', () => {
    const one = gated(block(1), pool(1));
    one.take([removal(block(1)), removal(pool(1))]);
    expect(one.follow(one.gate.release())).toEqual(['done 2']);
    expect([one.names, one.gate.next]).toEqual([[], undefined]);
  });

  it('cost other changes nothing', () => {
    const changes = [upsert(resource('BGPFilter', 'f', {}))];
    expect(gated(block(1)).gate.take(changes, LIMITS, () => [], 0).changes).toBe(changes);
  });
});

describe('a random history', () => {
  const of = fc.record({ number: fc.integer({ min: 1, max: 4 }), gone: fc.boolean() });
  const change = fc.oneof(
    fc
      .record({ state: fc.constantFrom('confirmed', 'confirmed', 'pendingDeletion', 'pending'), other: fc.boolean() })
      .chain(({ state, other }) =>
        of.map(({ number, gone }) => {
          const one = other ? block(number, state, 'n2', `n2-${number}`) : block(number, state);
          return gone ? removal(one) : upsert(one);
        }),
      ),
    of.map(({ number, gone }) => (gone ? removal(pool(number)) : upsert(pool(number)))),
  );
  const event = fc.record({
    changes: fc.array(change, { minLength: 1, maxLength: 4 }),
    wait: fc.integer({ min: 0, max: 4_000 }),
    enabled: fc.constantFrom(true, true, true, false),
  });

  const KINDS = ['BlockAffinity', 'IPPool'] as const;
  const all = (view: ClusterView): AnyResource[] => KINDS.flatMap((kind) => view.list(kind));
  const nameOf = ({ kind, metadata: { name } }: AnyResource): string => `${kind} ${name}`;
  const isOwn = ({ spec }: ResourceOf<'BlockAffinity'>): boolean => spec.node === 'n1' && spec.state === 'confirmed';

  /** Whether what is held is this node's block, or a pool, and nothing else stands for it. */
  function mayBeHeld(held: AnyResource, datastore: ClusterView): boolean {
    if (held.kind !== 'BlockAffinity') return true;
    const claims = datastore.list('BlockAffinity').filter(({ spec }) => spec.cidr === held.spec.cidr);
    return isOwn(held) && claims.every(({ spec }) => spec.state !== 'confirmed');
  }

  it('never delays what comes or changes, nor a deletion for longer than it should, and ends as the datastore is', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 25 }), (events) => {
        const one = new Gated();
        let datastore = clusterView([]);
        let now = 0;
        const deletedAt = new Map<string, number>();
        for (const { changes, wait, enabled } of events) {
          now += wait;
          if (one.gate.next !== undefined && one.gate.next <= now) one.follow(one.gate.due(now));
          const before = all(datastore).map(nameOf);
          datastore = applyChanges(datastore, changes);
          one.take(changes, now, { ...LIMITS, enabled });
          const there = new Map(all(datastore).map((known) => [nameOf(known), known]));
          const shown = new Map(all(one.view).map((known) => [nameOf(known), known]));
          for (const name of before) if (!there.has(name)) deletedAt.set(name, now);
          for (const [name, known] of there) expect(shown.get(name)).toBe(known);
          const held = [...shown.values()].filter((known) => !there.has(nameOf(known)));
          expect(held.filter((known) => !mayBeHeld(known, datastore))).toEqual([]);
          expect(held.filter((known) => now - (deletedAt.get(nameOf(known)) ?? -Infinity) >= 12_000)).toEqual([]);
          expect(one.gate.held.map(({ resource: known }) => nameOf(known)).sort()).toEqual(held.map(nameOf).sort());
        }
        one.follow(one.gate.due(now + 10_000));
        expect(all(one.view)).toEqual(all(datastore));
      }),
      { numRuns: 150 },
    );
  });
});

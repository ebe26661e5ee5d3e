import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TableRecord } from '../../test/support/table-record.ts';
import { changes, settingsOf } from '../../test/support/ruleset-model.ts';
import { randomModel } from '../../test/support/ruleset-arbitraries.ts';
import type { RandomModel } from '../../test/support/ruleset-arbitraries.ts';
import type { ModelChanges } from '../policy/model.ts';
import { setsOf } from './rule-chains.ts';
import { RulesetRenderer } from './ruleset-renderer.ts';

/** A model in which only some policies and workloads are left, and the sets that these name. */
function reduced(model: RandomModel, mask: readonly boolean[], log: string) {
  const policies = model.policies.filter((_, index) => mask[index % mask.length]);
  const workloads = model.workloads.filter((_, index) => mask[(index + 3) % mask.length]);
  const profiles = model.profiles.filter((_, index) => mask[(index + 5) % mask.length]);
  const named = new Set(
    [...policies, ...profiles].flatMap(({ ingress, egress }) => [...setsOf([...(ingress ?? []), ...(egress ?? [])])]),
  );
  const members = new Map([...model.members].filter(([{ id }]) => named.has(id)));
  const hosts = mask[0] ? [model.host] : [];
  return { ...model, policies, workloads, profiles, members, hosts, settings: settingsOf({ logPrefix: log }) };
}

type Model = ReturnType<typeof reduced>;

/** What has to be said to come from one model to the next. */
function difference(before: Model | undefined, after: Model): ModelChanges {
  const membersOf = (model: Model | undefined, id: string) =>
    [...(model?.members ?? [])].find(([set]) => set.id === id)?.[1];
  const sets = new Map([...(before?.members.keys() ?? []), ...after.members.keys()].map((set) => [set.id, set]));
  const gone = <T>(name: (item: T) => string, from: readonly T[] = [], to: readonly T[]) =>
    from
      .filter((item) => !to.some((other) => name(other) === name(item)))
      .map((item) => [name(item), undefined] as const);
  return changes({
    settings: after.settings,
    sets: [...sets.values()].map((set) => {
      const [had, has] = [membersOf(before, set.id) ?? [], membersOf(after, set.id)];
      if (has === undefined) return { set, gone: true };
      return { set, added: has.filter((one) => !had.includes(one)), removed: had.filter((one) => !has.includes(one)) };
    }),
    policies: [...after.policies, ...gone(({ key }) => key, before?.policies, after.policies)],
    profiles: [...after.profiles, ...gone(({ name }) => name, before?.profiles, after.profiles)],
    rules: [...after.rules],
    workloads: [...after.workloads, ...gone(({ interfaceName }) => interfaceName, before?.workloads, after.workloads)],
    hosts: [...after.hosts, ...gone(({ interfaceName }) => interfaceName, before?.hosts, after.hosts)],
  });
}

it('a table that followed changes is as one written at once', () => {
  const mask = fc.array(fc.boolean(), { minLength: 7, maxLength: 7 });
  const model = fc.tuple(randomModel, mask, fc.constantFrom('a', 'b')).map((all) => reduced(...all));
  fc.assert(
    fc.property(fc.array(model, { minLength: 2, maxLength: 4 }), (models) => {
      const table = new TableRecord();
      const renderer = new RulesetRenderer(table);
      for (const [index, after] of models.entries()) {
        renderer.apply(difference(models[index - 1], after));
        const fresh = new TableRecord();
        new RulesetRenderer(fresh).apply(difference(undefined, after));
        expect(table.contents()).toEqual(fresh.contents());
        expect(table.dangling()).toEqual([]);
      }
    }),
    { numRuns: 12 },
  );
});

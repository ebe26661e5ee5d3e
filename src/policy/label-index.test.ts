import { describe, expect, it } from 'vitest';
import { parseSelector } from '../resources/selector.ts';
import type { Labels, Selector } from '../resources/selector.ts';
import { LabelIndex } from './label-index.ts';
import type { LabelGroup } from './label-index.ts';

interface Question {
  readonly selector: Selector;
}

interface Thing extends LabelGroup<Question> {
  readonly name: string;
}

/** An index of things, and how often selectors were asked. */
function start() {
  const seen = { asked: 0, events: [] as string[] };
  const index = new LabelIndex<Thing, Question>({
    matched: ({ name }, { selector }) => seen.events.push(`${name} + ${String(selector)}`),
    unmatched: ({ name }, { selector }) => seen.events.push(`${name} - ${String(selector)}`),
  });
  const question = (text: string): Question => {
    const selector = parseSelector(text);
    const matches = (labels: Labels, inherited?: readonly Labels[]) => {
      seen.asked++;
      return selector.matches(labels, inherited);
    };
    return { selector: { ...selector, matches, toString: () => text } };
  };
  const thing = (name: string, labels: Labels, profiles: readonly string[] = []): Thing => ({
    name,
    labels,
    profiles,
    matched: [],
  });
  return { index, seen, question, thing };
}

describe('LabelIndex', () => {
  it('asks of new labels only the selectors that could match', () => {
    const { index, seen, question, thing } = start();
    for (let i = 0; i < 500; i++) index.addQuery(question(`app == '${i}' && tier == 'web'`));
    for (const text of ['has(other)', "app in {'7', '8'}", 'in == "x"']) index.addQuery(question(text));
    index.addGroup(thing('a', { app: '7', tier: 'web' }));
    expect(seen.events).toEqual(["a + app == '7' && tier == 'web'", "a + app in {'7', '8'}"]);
    // The first of the 500 may stand with the tier, before anybody knew how many there would be.
    expect(seen.asked).toBeLessThanOrEqual(3);
  });

  it('asks a new selector only of labels that it could match', () => {
    const { index, seen, question, thing } = start();
    for (let i = 0; i < 500; i++) index.addGroup(thing(String(i), { app: `a${i % 100}`, tier: 'web' }, [`p${i % 50}`]));
    index.setProfile('p1', { env: 'prod' });
    index.addQuery(question("tier == 'web' && app == 'a1'"));
    expect([seen.asked, seen.events.length]).toEqual([5, 5]);
    index.addQuery(question("tier == 'web' && env == 'prod'"));
    expect([seen.asked, seen.events.length]).toEqual([15, 15]);
    index.addQuery(question('has(app) && !has(app)'));
    index.addQuery(question('app in {}'));
    index.addQuery(question('has(nothing)'));
    expect(seen.asked).toBe(15);
  });

  it('asks after a change of a profile only for what has the profile', () => {
    const { index, seen, question, thing } = start();
    index.addQuery(question("env == 'prod'"));
    for (let i = 0; i < 100; i++) index.addGroup(thing(String(i), { app: 'a' }, [`p${i % 50}`]));
    index.setProfile('p7', { env: 'prod' });
    index.setProfile('p7', { env: 'test' });
    expect(seen.events).toEqual(["7 + env == 'prod'", "57 + env == 'prod'", "7 - env == 'prod'", "57 - env == 'prod'"]);
    expect(seen.asked).toBe(2);
  });
});

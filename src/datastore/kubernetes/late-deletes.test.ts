import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { lateDeletes } from './late-deletes.ts';
import type { ReflectorListener } from './reflector.ts';

let heard: string[];
let listener: ReflectorListener;

beforeEach(() => {
  vi.useFakeTimers();
  heard = [];
  listener = lateDeletes(
    {
      replace: (items) => heard.push(`= ${items.map(({ key }) => key).join(' ')}`),
      put: ({ key }) => heard.push(`+ ${key}`),
      delete: (key) => heard.push(`- ${key}`),
      flush: () => heard.push('flush'),
      status: () => {},
    },
    100,
  );
});

afterEach(() => {
  vi.useRealTimers();
});

const item = { key: 'a', place: 'BlockAffinity/a', value: {} };

it('tells a deletion later, and by itself', () => {
  listener.delete('a');
  listener.flush();
  vi.advanceTimersByTime(99);
  expect(heard).toEqual(['flush']);
  vi.advanceTimersByTime(1);
  expect(heard).toEqual(['flush', '- a', 'flush']);
});

it('tells none of what is there again', () => {
  listener.delete('a');
  listener.put(item);
  listener.delete('b');
  listener.replace([item]);
  vi.advanceTimersByTime(1000);
  expect(heard).toEqual(['+ a', '= a']);
});

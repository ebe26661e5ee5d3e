import { describe, expect, it } from 'vitest';
import { GroupTable } from './group-table.ts';

describe('GroupTable', () => {
  it('finds by labels in any order, and by profiles in theirs', () => {
    const table = new GroupTable();
    const group = { labels: { a: '1', b: '2' }, profiles: ['p', 'q'] };
    table.add(group);
    expect(table.find({ labels: { b: '2', a: '1' }, profiles: ['p', 'q'] })).toBe(group);
    expect(table.find({ labels: { a: '1', b: '2' }, profiles: ['q', 'p'] })).toBeUndefined();
    expect(table.find({ labels: { a: '2', b: '1' }, profiles: ['p', 'q'] })).toBeUndefined();
  });

  it('tells apart what has the same hash', () => {
    // Label and value one after the other are the same text.
    const groups = [{ ab: 'cd' }, { a: 'bcd' }, { abc: 'd' }].map((labels) => ({ labels, profiles: [] }));
    const table = new GroupTable();
    for (const group of groups) table.add(group);
    for (const group of groups) expect(table.find({ labels: { ...group.labels }, profiles: [] })).toBe(group);
    for (const [i, group] of groups.entries()) {
      table.delete(group);
      expect(groups.map((other) => table.find(other))).toEqual(groups.map((other, j) => (j > i ? other : undefined)));
    }
  });
});

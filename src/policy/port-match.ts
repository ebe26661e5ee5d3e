/** Ports of rules: numbers merged into ranges, names as sets. */
import { portsOf } from './set-spec.ts';
import type { PortMatch } from './rule.ts';

type Range = readonly [first: number, last: number];

/** Ranges in order, none of which overlaps or touches another. */
export function mergedRanges(ranges: readonly Range[]): Range[] {
  const merged: [first: number, last: number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** Numbers, ranges `first:last` and names, as a parsed rule has them, apart. */
export function splitPorts(ports: readonly (string | number)[]): { ranges: Range[]; names: string[] } {
  const ranges: Range[] = [];
  const names = new Set<string>();
  for (const port of ports) {
    const text = String(port);
    // Names such as `1e9` are numbers to other readers.
    if (!/^\d+(:\d+)?$/.test(text)) names.add(text);
    else {
      const [first, last = first] = text.split(':').map(Number);
      ranges.push([first, last]);
    }
  }
  return { ranges: mergedRanges(ranges), names: [...names].sort() };
}

/** What matches any of the ports; names stand for the ports of that name of what `selector` picks. */
export function portMatch(ports: readonly (string | number)[], protocol: number, selector: string): PortMatch {
  const { ranges, names } = splitPorts(ports);
  return { ranges, sets: names.map((name) => portsOf(selector, name, protocol)) };
}

import { describe, expect, it } from 'vitest';
import { U32Stack } from './columns.ts';

describe('a stack', () => {
  it('needs no more room for being a queue that never empties', () => {
    const stack = new U32Stack();
    for (let i = 0; i < 100_000; i++) {
      stack.push(i);
      if (stack.length === 50) stack.dropFirst(25);
    }
    expect(stack.items.length).toBeLessThan(100);
    expect([stack.length, stack.items[0], stack.items[stack.length - 1]]).toEqual([25, 99_975, 99_999]);
  });
});

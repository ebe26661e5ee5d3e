import { describe, expect, it } from 'vitest';
import { WorkQueue } from './work-queue.ts';

describe('WorkQueue', () => {
  it('does one thing after the other, also after one that failed', async () => {
    const seen: unknown[] = [];
    const queue = new WorkQueue((error) => void seen.push(error));
    await queue.idle;
    void queue.add(async () => {
      seen.push('begin');
      await Promise.resolve();
      seen.push('end');
    });
    void queue.add(() => {
      throw new Error('at once');
    });
    void queue.add(() => Promise.reject(new Error('later')));
    const last = queue.add(() => void seen.push('next'));
    expect(seen).toEqual([]);
    expect(queue.idle).toBe(last);
    await last;
    expect(seen).toEqual(['begin', 'end', new Error('at once'), new Error('later'), 'next']);
  });
});

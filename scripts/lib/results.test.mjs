import { describe, expect, it } from 'vitest';
import { parseResults, Results } from './results.mjs';

describe('Results', () => {
  it('names failures and skips with their reasons, and counts as the last line', () => {
    const results = new Results();
    results.add({ name: 'a', state: 'passed' }, { name: 'b', state: 'skipped', reason: 'not installed: bird' });
    results.add({ name: 'c', state: 'failed', reason: 'expected 1\nto be 2' }, { name: 'd', state: 'failed' });
    expect(results.summary().split('\n')).toEqual([
      'failed: c (expected 1)',
      'failed: d',
      'skipped: b (not installed: bird)',
      '1 passed, 2 failed, 1 skipped',
    ]);
    expect(results.failed).toBe(2);
  });
});

describe('parseResults', () => {
  it('leaves out a last line that was cut off', () => {
    expect(parseResults('{"name":"a","state":"passed"}\n{"name":"b"')).toEqual([{ name: 'a', state: 'passed' }]);
    expect(parseResults('')).toEqual([]);
  });
});

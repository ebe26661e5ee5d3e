import { describe, expect, it } from 'vitest';
import { doneWords } from './peer-explanation.ts';

describe('what was held back and is done', () => {
  it('is said of a few peers by name', () => {
    const changes = Array.from({ length: 7 }, (_, i) => ({ peer: `10.0.0.${i}`, change: 'removed', words: '' }));
    expect(doneWords(changes.slice(0, 1))).toBe('Done: 10.0.0.0 is removed.');
    expect(doneWords(changes)).toMatch(/^Done: (10\.0\.0\.\d is removed, ){5}and so for 2 more\.$/);
  });
});

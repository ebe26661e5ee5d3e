import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../net/prefix.ts';
import { ViewChanges } from './view-changes.ts';

function touch(changes: ViewChanges, text: string): void {
  const { family, words, length } = parsePrefix(text);
  changes.touch(family, ...words, length);
}

describe('changes of the view', () => {
  it('concern the addresses that a changed route covers', () => {
    const changes = new ViewChanges();
    expect(changes.empty).toBe(true);
    touch(changes, '10.1.0.0/16');
    touch(changes, '10.1.0.0/16');
    expect(changes.empty).toBe(false);
    expect(changes.covers(parsePrefix('10.1.2.3'))).toBe(true);
    expect(changes.covers(parsePrefix('10.2.2.3'))).toBe(false);
    expect(changes.covers(parsePrefix('fd00::1'))).toBe(false);
    touch(changes, '::/0');
    expect(changes.covers(parsePrefix('fd00::1'))).toBe(true);
  });

  it('concern all addresses of a family once there are very many', () => {
    const changes = new ViewChanges();
    for (let i = 0; i < 10_000; i++) changes.touch(0, 0x0b000000 + i * 256, 0, 0, 0, 24);
    expect(changes.covers(parsePrefix('192.0.2.1'))).toBe(true);
    expect(changes.covers(parsePrefix('fd00::1'))).toBe(false);
    touch(changes, '10.0.0.0/8');
    expect(changes.empty).toBe(false);
  });
});

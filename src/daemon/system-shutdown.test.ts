import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createScratch } from '../../test/support/scratch.ts';
import type { Scratch } from '../../test/support/scratch.ts';
import { isSystemStopping } from './system-shutdown.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch('systemctl');
});
afterEach(() => scratch[Symbol.dispose]());

describe('isSystemStopping', () => {
  it.each([
    ['stopping', 1, true],
    ['running', 0, false],
    ['degraded', 1, false],
    ['offline', 1, false],
  ])('%s', async (state, code, expected) => {
    const script = `#!/bin/sh\n[ "$1" = is-system-running ] && echo ${state}\nexit ${code}\n`;
    const command = scratch.write('systemctl', script);
    chmodSync(command, 0o755);
    expect(await isSystemStopping(command)).toBe(expected);
  });

  it('is not so where there is nobody to ask', async () => {
    expect(await isSystemStopping(`${scratch.path}/none`)).toBe(false);
  });
});

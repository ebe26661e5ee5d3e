import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../net/prefix.ts';
import { Speaker } from './speaker.ts';

/** A speaker that has something to decide, and that nobody has told so. */
function speakerWithWork(): Speaker {
  const speaker = new Speaker({ self: { routerId: 1, clusterId: 1 }, flushForwarding: () => {} });
  const block = Uint8Array.of(0x40, 1, 1, 0, 0x40, 2, 0);
  speaker.rib.originate(parsePrefix('10.0.0.0/8'), speaker.rib.sets.acquire(block, 0, block.length));
  return speaker;
}

describe('waiting until all is decided', () => {
  it('sees to it that it is decided', async () => {
    const speaker = speakerWithWork();
    await speaker.settled();
    expect(speaker.rib.hasWork).toBe(false);
  });

  it('ends when there are no more turns', async () => {
    const speaker = speakerWithWork();
    speaker.stop();
    await speaker.settled();
    expect(speaker.rib.hasWork).toBe(true);
  });
});

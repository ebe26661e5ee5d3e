import { describe, expect, it, vi } from 'vitest';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
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

  it('waits for a kernel that does not answer as long as it is told to', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const nextHopListener = { watch: () => {}, unwatch: () => {} };
      const speaker = new Speaker({ self: { routerId: 1, clusterId: 1 }, flushForwarding: () => {}, nextHopListener });
      const block = encodeAttributes({ ...PLAIN_ATTRIBUTES, nextHop: '10.0.0.1' }, 0);
      speaker.rib.sets.acquire(block, 0, block.length);
      expect(speaker.rib.waitsForNextHops).toBe(true);
      const settled: string[] = [];
      void speaker.settled(2000).then(() => settled.push('with patience'));
      void speaker.settled().then(() => settled.push('at last'));
      await vi.advanceTimersByTimeAsync(1000);
      expect(settled).toEqual([]);
      await vi.advanceTimersByTimeAsync(30_000);
      expect(settled).toEqual(['with patience']);
      speaker.rib.setNextHops([{ id: 1, reachable: true, metric: 0, words: '' }]);
      await vi.advanceTimersByTimeAsync(1000);
      expect(settled).toEqual(['with patience', 'at last']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends when there are no more turns', async () => {
    const speaker = speakerWithWork();
    speaker.stop();
    await speaker.settled();
    expect(speaker.rib.hasWork).toBe(true);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, errorOf, hex, outcome } from '../../../test/support/wire.ts';
import {
  Framer,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MESSAGE_KEEPALIVE,
  MESSAGE_OPEN,
  MESSAGE_ROUTE_REFRESH,
  MESSAGE_UPDATE,
  encodeMessage,
} from './framing.ts';
import { encodeKeepalive } from './keepalive.ts';

const MARKER = 'ff'.repeat(16);

/** Everything a framer hands out for these chunks, bodies as copies. */
function messagesOf(framer: Framer, ...chunks: readonly Uint8Array[]): { type: number; body: number[] }[] {
  const messages: { type: number; body: number[] }[] = [];
  for (const chunk of chunks) {
    framer.feed(chunk, (type, buffer, start, end) => messages.push({ type, body: [...buffer.subarray(start, end)] }));
  }
  return messages;
}

function failed(run: () => void): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}

describe('encodeKeepalive', () => {
  it('is a header alone', () => {
    expect(encodeKeepalive()).toEqual(hex(`${MARKER} 0013 04`));
  });
});

describe('Framer', () => {
  it('hands out whole messages in place', () => {
    const chunk = concat(encodeKeepalive(), encodeMessage(MESSAGE_UPDATE, hex('0000 0000')));
    const seen: unknown[] = [];
    new Framer().feed(chunk, (type, buffer, start, end) => seen.push([type, buffer === chunk, start, end]));
    expect(seen).toEqual([
      [MESSAGE_KEEPALIVE, true, 19, 19],
      [MESSAGE_UPDATE, true, 38, 42],
    ]);
  });

  it('gives the same messages however the stream is cut', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 300 }), { minLength: 1, maxLength: 6 });
    const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 });
    fc.assert(
      fc.property(bodies, cuts, (bodies, cuts) => {
        const stream = concat(...bodies.map((body) => encodeMessage(MESSAGE_UPDATE, body)));
        const chunks: Uint8Array[] = [];
        for (let at = 0, i = 0; at < stream.length; at += cuts[i++ % cuts.length]) {
          chunks.push(stream.subarray(at, at + cuts[i % cuts.length]));
        }
        expect(messagesOf(new Framer(), ...chunks)).toEqual(
          bodies.map((body) => ({ type: MESSAGE_UPDATE, body: [...body] })),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('finds the same messages byte by byte', () => {
    const stream = concat(encodeMessage(MESSAGE_UPDATE, hex('0000 0000')), encodeKeepalive());
    const chunks = Array.from(stream, (byte) => Uint8Array.of(byte));
    expect(messagesOf(new Framer(), ...chunks).map(({ type }) => type)).toEqual([MESSAGE_UPDATE, MESSAGE_KEEPALIVE]);
  });

  it.each([
    ['a marker that is not all ones', `${'ff'.repeat(15)}fe 0013 04`, '1/1', ''],
    ['a length below the header', `${MARKER} 0012 04`, '1/2', '0012'],
    ['a length above 4096', `${MARKER} 1001 02`, '1/2', '1001'],
    ['a KEEPALIVE with a body', `${MARKER} 0014 04 00`, '1/2', '0014'],
    ['an OPEN below 29 bytes', `${MARKER} 001c 01`, '1/2', '001c'],
    ['an UPDATE below 23 bytes', `${MARKER} 0016 02`, '1/2', '0016'],
    ['a NOTIFICATION below 21 bytes', `${MARKER} 0014 03`, '1/2', '0014'],
    ['an unknown type', `${MARKER} 0013 06`, '1/3', '06'],
    ['type 0', `${MARKER} 0013 00`, '1/3', '00'],
  ])('refuses %s as soon as the header is there', (_name, bytes, error, data) => {
    const framer = new Framer();
    const feed = () => messagesOf(framer, hex(bytes));
    expect(errorOf(feed)).toBe(error);
    expect(outcome(() => messagesOf(new Framer(), hex(bytes)))).toMatchObject({ error: { data: hex(data) } });
  });

  it('takes messages up to 65535 bytes once negotiated, but no such OPEN or KEEPALIVE (RFC 8654 §4)', () => {
    const framer = new Framer();
    framer.maxLength = MAX_EXTENDED_MESSAGE_LENGTH;
    const large = new Uint8Array(MAX_EXTENDED_MESSAGE_LENGTH - 19);
    expect(messagesOf(framer, encodeMessage(MESSAGE_UPDATE, large))).toHaveLength(1);
    expect(messagesOf(framer, encodeMessage(MESSAGE_ROUTE_REFRESH, large))).toHaveLength(1);
    expect(errorOf(() => messagesOf(framer, encodeMessage(MESSAGE_OPEN, large)))).toBe('1/2');
  });

  it('lets the limit change between two messages of one chunk', () => {
    const framer = new Framer();
    const types: number[] = [];
    const large = encodeMessage(MESSAGE_UPDATE, new Uint8Array(5000));
    framer.feed(concat(encodeKeepalive(), large), (type) => {
      framer.maxLength = MAX_EXTENDED_MESSAGE_LENGTH;
      types.push(type);
    });
    expect(types).toEqual([MESSAGE_KEEPALIVE, MESSAGE_UPDATE]);
  });

  it.each([
    ['in one chunk', [84]],
    ['in chunks that split messages', [10, 20, 20, 26, 8]],
  ])('goes on after the message whose handler threw, %s', (_name, sizes) => {
    const update = (mark: number) => encodeMessage(MESSAGE_UPDATE, Uint8Array.of(0, 0, 0, mark));
    const stream = concat(update(1), update(2), update(3), encodeKeepalive().subarray(0, 15));
    const framer = new Framer();
    const seen: number[] = [];
    const onMessage = (_type: number, buffer: Uint8Array, _start: number, end: number) => {
      seen.push(buffer[end - 1]);
      if (seen.length === 2) throw new RangeError('the handler failed');
    };
    let at = 0;
    const results = sizes.map((size) => {
      at += size;
      return failed(() => framer.feed(stream.subarray(at - size, at), onMessage));
    });
    framer.feed(encodeKeepalive().subarray(15), onMessage);
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(seen).toEqual([1, 2, 3, MESSAGE_KEEPALIVE]);
  });

  it('throws nothing but BgpError for arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 5 }), (chunks) => {
        expect(errorOf(() => messagesOf(new Framer(), ...chunks))).toMatch(/^(none|1\/[123])$/);
      }),
      { numRuns: 100 },
    );
  });
});

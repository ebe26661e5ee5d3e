/**
 * Mutated messages through every decoder. `STARLING_FUZZ_ITERATIONS` and `STARLING_FUZZ_SEED` make longer and other runs; a failure
 * tells its input, which belongs into `corpus/messages/` then.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
import { toTwoOctetAs } from '../../src/bgp/messages/attributes/two-octet-as.ts';
import { toHex } from '../../src/bgp/messages/bytes.ts';
import { MESSAGE_OPEN, MESSAGE_UPDATE, encodeMessage } from '../../src/bgp/messages/framing.ts';
import { encodeNotification, shutdownCommunication } from '../../src/bgp/messages/notification.ts';
import { encodeOpen } from '../../src/bgp/messages/open.ts';
import { encodeRouteRefresh } from '../../src/bgp/messages/route-refresh.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../src/net/family.ts';
import fc from 'fast-check';
import { attributes4, attributes6, capability } from '../support/message-arbitraries.ts';
import { decodeStream } from '../support/message-decoders.ts';
import { EXABGP_VECTORS, GOBGP_VECTORS, exabgpVectors, gobgpVectors } from '../support/message-vectors.ts';
import { missingHere } from '../support/skip.ts';
import { concat, hex, updateBody } from '../support/wire.ts';

const ITERATIONS = Number(process.env['STARLING_FUZZ_ITERATIONS'] ?? 3000);
const SEED = Number(process.env['STARLING_FUZZ_SEED'] ?? 1);
const CORPUS = join(import.meta.dirname, 'corpus/messages');

/** Numbers below a limit, the same for the same seed (xorshift32). */
function randomness(seed: number): (limit: number) => number {
  let state = Math.imul(seed, 0x9e3779b1) || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Sound messages of every type, from a peer with 4-octet AS numbers. */
function ownMessages(): Uint8Array[] {
  const sample = { numRuns: 10, seed: 7 };
  const update = (attributes: Uint8Array, nlri: string) =>
    encodeMessage(MESSAGE_UPDATE, updateBody(hex('08 0a'), attributes, hex(nlri)));
  const blocks4 = fc.sample(attributes4, sample).map((attributes) => encodeAttributes(attributes, IPV4_UNICAST));
  const blocks6 = fc.sample(attributes6, sample).map((attributes) => encodeAttributes(attributes, IPV6_UNICAST));
  const capabilities = fc.sample(capability, { numRuns: 30, seed: 7 });
  return [
    ...blocks4.map((block) => update(block, '18 c63364 00 20 c0000201')),
    ...blocks6.map((block) => update(concat(block, hex('80 0f 08 0002 01 20 20010db9')), '')),
    update(hex('80 0f 03 0002 01'), ''),
    encodeOpen({ asn: 65000, holdTime: 90, routerId: 1, capabilities: capabilities.slice(0, 6) }),
    encodeOpen({ asn: 4_200_000_000, holdTime: 90, routerId: 1, capabilities }),
    encodeNotification({ code: 6, subcode: 2, data: shutdownCommunication('wartung läuft') }),
    encodeNotification({ code: 6, subcode: 9, data: hex('06 02 02 6f6b') }),
    encodeRouteRefresh(1, 1, 1),
  ];
}

/** Routes with 2-octet AS numbers. */
function oldMessages(): Uint8Array[] {
  return fc.sample(attributes4, { numRuns: 10, seed: 8 }).map((attributes) => {
    const block = encodeAttributes(attributes, IPV4_UNICAST);
    const body = updateBody(hex(''), toTwoOctetAs(block, 0, block.length), hex('18 c63364'));
    return encodeMessage(MESSAGE_UPDATE, body);
  });
}

/** Messages of other implementations, where the shared vectors are there. */
function recordedMessages(): Uint8Array[] {
  if (missingHere({ vectors: EXABGP_VECTORS }) ?? missingHere({ vectors: GOBGP_VECTORS })) return [];
  const exabgp = exabgpVectors()
    .filter(({ type }) => type !== 'nlri')
    .map(({ type, body }) => encodeMessage(type === 'open' ? MESSAGE_OPEN : MESSAGE_UPDATE, body));
  const literals = gobgpVectors().map((literal) => hex(literal.hex));
  return [...exabgp, ...literals.map((bytes) => encodeMessage(MESSAGE_UPDATE, updateBody(hex(''), bytes, hex('00'))))];
}

const INTERESTING = [0, 1, 2, 3, 4, 0x10, 0x20, 0x40, 0x7f, 0x80, 0xc0, 0xfe, 0xff, 14, 15];

/** One change to a message after its marker; the length field mostly stays right, so that bodies are reached. */
function mutate(message: Uint8Array, others: readonly Uint8Array[], random: (limit: number) => number): Uint8Array {
  const at = 16 + random(message.length - 16);
  const changed = (() => {
    switch (random(6)) {
      case 0:
        return message.with(at, random(256));
      case 1:
        return message.with(at, INTERESTING[random(INTERESTING.length)]);
      case 2:
        return message.with(at, message[at] ^ (1 << random(8)));
      case 3:
        return concat(message.subarray(0, at), message.subarray(Math.min(message.length, at + 1 + random(8))));
      case 4:
        return concat(message.subarray(0, at), message.subarray(at - random(8), at), message.subarray(at));
      default: {
        const other = others[random(others.length)];
        return concat(message.subarray(0, at), other.subarray(16 + random(other.length - 16)));
      }
    }
  })();
  return random(8) === 0 ? changed : withLength(changed);
}

function withLength(message: Uint8Array): Uint8Array {
  if (message.length < 19) return message;
  return message.with(16, message.length >>> 8).with(17, message.length & 0xff);
}

/** Runs one input; what fails is told with it. */
function run(message: Uint8Array): readonly string[] {
  try {
    return decodeStream(message);
  } catch (error) {
    throw new Error(`the decoder failed on ${toHex(message)}`, { cause: error });
  }
}

describe('decoders', () => {
  it('take the sound messages that the fuzzing starts from', () => {
    for (const message of ownMessages()) expect([toHex(message), run(message)]).toEqual([toHex(message), ['ok']]);
  });

  it.each(readdirSync(CORPUS))('survive the kept input %s', (name) => {
    const [fates, input] = readFileSync(join(CORPUS, name), 'utf8').split('\n---\n');
    expect(run(hex(input))).toEqual(fates.trim().split(' '));
  });

  it(`survive ${ITERATIONS} mutated messages`, { timeout: 60_000 + ITERATIONS * 10 }, () => {
    const random = randomness(SEED);
    const seeds = [...ownMessages(), ...oldMessages(), ...recordedMessages()];
    // Results that are changed further.
    const recent: Uint8Array[] = [];
    const met = new Set<string>();
    for (let i = 0; i < ITERATIONS; i++) {
      const from = random(3) === 0 && recent.length > 0 ? recent : seeds;
      const message = mutate(from[random(from.length)], seeds, random);
      for (const fate of run(message)) met.add(fate);
      if (message.length > 19 && message.length < 2000) recent.push(message);
      if (recent.length > 100) recent.splice(random(100), 1);
    }
    // The run is worth something only if it gets behind the first checks.
    for (const fate of ['ok', 'withdraw', '1/2', '2/0', '3/1', '3/9', '3/10']) expect(met).toContain(fate);
  });
});

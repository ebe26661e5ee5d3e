/** All of the decoder run over bytes, for fuzzing. */
import { deepStrictEqual } from 'node:assert';
import { countAs, formatAsPath } from '../../src/bgp/messages/attributes/as-path.ts';
import { decodeAttributes, formatAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
import { AttributeSummary, hasClusterId, summarise } from '../../src/bgp/messages/attributes/attribute-summary.ts';
import {
  CanonicalBlock,
  canonicalise,
  checkUnusedAttributes,
} from '../../src/bgp/messages/attributes/canonical-block.ts';
import { toTwoOctetAs } from '../../src/bgp/messages/attributes/two-octet-as.ts';
import { describeCapability } from '../../src/bgp/messages/capabilities/capability-codec.ts';
import {
  Framer,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MESSAGE_NOTIFICATION,
  MESSAGE_OPEN,
  MESSAGE_ROUTE_REFRESH,
  MESSAGE_UPDATE,
} from '../../src/bgp/messages/framing.ts';
import { countNlri } from '../../src/bgp/messages/nlri.ts';
import { decodeNotification, describeNotification } from '../../src/bgp/messages/notification.ts';
import { decodeOpen } from '../../src/bgp/messages/open.ts';
import { decodeRouteRefresh } from '../../src/bgp/messages/route-refresh.ts';
import {
  FAMILY_ABSENT,
  FAMILY_UNSUPPORTED,
  UpdateView,
  hasReachableNlri,
  isEndOfRib,
  parseUpdate,
  rawBlock,
} from '../../src/bgp/messages/update.ts';
import type { FamilyFound } from '../../src/bgp/messages/update.ts';
import { IPV4_UNICAST } from '../../src/net/family.ts';
import { inSurroundings, outcome } from './wire.ts';

/** What became of one message: `ok`, `withdraw`, or code and subcode of the NOTIFICATION, e.g. `3/1`. */
export type Fate = string;

/**
 * Decodes a stream of messages. Throws where the decoder throws something other than a `BgpError`, reads or writes outside of
 * its input, or breaks a promise of its own.
 */
export function decodeStream(stream: Uint8Array): Fate[] {
  const framer = new Framer();
  framer.maxLength = MAX_EXTENDED_MESSAGE_LENGTH;
  const bodies: [number, Uint8Array][] = [];
  const framing = outcome(() =>
    framer.feed(stream, (type, buffer, start, end) => bodies.push([type, buffer.slice(start, end)])),
  );
  const fates = bodies.map(([type, body]) => decodeBody(type, body));
  return 'error' in framing ? [...fates, `${framing.error.code}/${framing.error.subcode}`] : fates;
}

/** What was negotiated with the peer that an UPDATE is from. */
interface Session {
  readonly fourOctetAs: boolean;
  readonly external: boolean;
  readonly addPath: boolean;
}

const SESSIONS: readonly Session[] = [
  { fourOctetAs: true, external: true, addPath: false },
  { fourOctetAs: true, external: false, addPath: false },
  { fourOctetAs: false, external: true, addPath: false },
  { fourOctetAs: false, external: false, addPath: true },
];

/** As {@link decodeStream} for the body of one message; an UPDATE is decoded for several sessions, the fate is that of the first. */
export function decodeBody(type: number, body: Uint8Array): Fate {
  if (type !== MESSAGE_UPDATE) return fateOf(body, (buffer, start, end) => decodeOther(type, buffer, start, end));
  const fates = SESSIONS.map((session) =>
    fateOf(body, (buffer, start, end) => decodeUpdate(buffer, start, end, session)),
  );
  return fates[0];
}

function fateOf(body: Uint8Array, decode: (buffer: Uint8Array, start: number, end: number) => { fate: Fate }): Fate {
  const result = inSurroundings(body, decode);
  return 'error' in result ? `${result.error.code}/${result.error.subcode}` : result.value.fate;
}

function decodeOther(type: number, buffer: Uint8Array, start: number, end: number): { fate: Fate; read: unknown } {
  switch (type) {
    case MESSAGE_OPEN: {
      const open = decodeOpen(buffer, start, end);
      return { fate: 'ok', read: [open, open.capabilities.map(describeCapability)] };
    }
    case MESSAGE_NOTIFICATION: {
      const notification = decodeNotification(buffer, start, end);
      return { fate: 'ok', read: [notification, describeNotification(notification)] };
    }
    case MESSAGE_ROUTE_REFRESH:
      return { fate: 'ok', read: decodeRouteRefresh(buffer, start, end) };
    default:
      return { fate: 'ok', read: undefined };
  }
}

function decodeUpdate(buffer: Uint8Array, start: number, end: number, session: Session) {
  const view = new UpdateView();
  parseUpdate(buffer, start, end, view);
  const counts = [
    countNlri(buffer, view.withdrawnStart, view.withdrawnEnd, IPV4_UNICAST, session.addPath),
    countNlri(buffer, view.nlriStart, view.nlriEnd, IPV4_UNICAST, session.addPath),
    countFound(buffer, view.unreachFamily, view.unreachNlriStart, view.unreachNlriEnd, session),
    countFound(buffer, view.reachFamily, view.reachNlriStart, view.reachNlriEnd, session),
  ];
  if (view.malformed !== undefined) return { fate: 'withdraw', read: [counts, view.malformed] };
  const scratch = new Uint8Array(view.attributesEnd - view.attributesStart + 8);
  const halves = [false, true].filter((multiprotocol) => (multiprotocol ? view.reachFamily >= 0 : true));
  const read = halves.map((multiprotocol) => {
    const length = rawBlock(buffer, view, scratch, multiprotocol);
    const out = new CanonicalBlock();
    const check = hasReachableNlri(view) ? canonicalise : checkUnusedAttributes;
    check(scratch, 0, length, session, out);
    return { verdict: out.verdict, faults: out.faults, sound: out.verdict === 'ok' && readBlock(out.finish()) };
  });
  const fate = read.some(({ verdict }) => verdict === 'withdraw') ? 'withdraw' : 'ok';
  return { fate, read: [counts, read, isEndOfRib(view)] };
}

function countFound(buffer: Uint8Array, family: FamilyFound, start: number, end: number, session: Session): number {
  if (family === FAMILY_ABSENT || family === FAMILY_UNSUPPORTED) return 0;
  return countNlri(buffer, start, end, family, session.addPath);
}

/** Reads a canonical block in every way there is, and checks that it is canonical. */
function readBlock(block: Uint8Array) {
  const out = new CanonicalBlock();
  checkUnusedAttributes(block, 0, block.length, { fourOctetAs: true, external: false }, out);
  deepStrictEqual([out.unchanged, out.verdict, out.faults], [true, 'ok', []], 'the block is not canonical');
  const attributes = decodeAttributes(block, 0, block.length);
  const summary = new AttributeSummary();
  summarise(block, 0, block.length, summary);
  const narrow = toTwoOctetAs(block, 0, block.length);
  checkUnusedAttributes(narrow, 0, narrow.length, { fourOctetAs: false, external: false }, out);
  const again = decodeAttributes(out.bytes, 0, out.length);
  // AS4_PATH doesn't carry confederation segments (RFC 6793 §3).
  const told = attributes.asPath.every(({ type }) => !type.startsWith('confed'));
  const expected = told ? formatAsPath(attributes.asPath) : formatAsPath(again.asPath);
  deepStrictEqual(formatAsPath(again.asPath), expected, 'the path does not survive 2-octet AS numbers');
  return [
    formatAttributes(attributes),
    summary,
    countAs(block, 0, block.length, 65000),
    hasClusterId(block, 0, block.length, 1),
  ];
}

import { describe, expect, it } from 'vitest';
import { CONFIG, PEER_OPEN } from '../../../test/support/fsm-machine.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../net/family.ts';
import { localOpen } from './local-open.ts';
import type { AddPathTerms } from './local-open.ts';
import { negotiate } from './negotiate.ts';

/** What comes of ADD-PATH in IPv4 unicast where this side and the peer offer it so. */
function addPaths(ours: AddPathTerms | undefined, theirs: AddPathTerms | undefined): object {
  const families = [IPV4_UNICAST, IPV6_UNICAST];
  const common = { localAs: CONFIG.open.asn, routerId: CONFIG.open.routerId, holdTime: 90, families };
  const local = localOpen({ ...common, ...(ours !== undefined && { addPaths: ours }) });
  const offer = theirs === undefined ? [] : [{ name: 'add-path' as const, families: [{ afi: 1, safi: 1, ...theirs }] }];
  const remote = { ...PEER_OPEN, capabilities: [...PEER_OPEN.capabilities, ...offer] };
  return negotiate(local, remote, { ...CONFIG, families }).addPaths;
}

const BOTH = { send: true, receive: true };
const SEND = { send: true, receive: false };
const RECEIVE = { send: false, receive: true };

describe('ADD-PATH (RFC 7911 §4)', () => {
  it.each([
    ['both, both', BOTH, BOTH, [IPV4_UNICAST], [IPV4_UNICAST]],
    ['both, receive', BOTH, RECEIVE, [IPV4_UNICAST], []],
    ['both, send', BOTH, SEND, [], [IPV4_UNICAST]],
    ['send, receive', SEND, RECEIVE, [IPV4_UNICAST], []],
    ['receive, send', RECEIVE, SEND, [], [IPV4_UNICAST]],
    ['send, send', SEND, SEND, [], []],
    ['receive, receive', RECEIVE, RECEIVE, [], []],
    ['both, nothing', BOTH, undefined, [], []],
    ['nothing, both', undefined, BOTH, [], []],
    ['neither way, both', { send: false, receive: false }, BOTH, [], []],
  ])('is used in the directions that one side sends and the other receives, and offered families: %s', (...row) => {
    const [, ours, theirs, send, receive] = row;
    expect(addPaths(ours, theirs)).toEqual({ send, receive });
  });
});

/** Why there is a peer or not, and what is held back, as the API shows it. */
import type { HeldChanges, PeerExplanation } from '../../api/peer-explanation-types.ts';
import { toPastTimestamp } from '../../api/timestamps.ts';
import type { PeerExplanation as PeeringReasons } from '../../peering/explain-peer.ts';
import type { Neighbour } from '../../peering/neighbour.ts';
import type { NeighbourSession } from '../neighbour-session.ts';
import type { Router } from '../router.ts';
import { lastTrouble } from './peer-report.ts';

/** Peers that are named in a sentence, of what may be thousands. */
const NAMED = 5;

/** How the peers are that a text names, by address, node or BGPPeer. `now` in milliseconds since 1970. */
export function peerExplanation(
  router: Router,
  query: string,
  { wanted, steps, neighbours }: PeeringReasons,
  now: number,
): PeerExplanation {
  const found = new Map(neighbours.map((neighbour) => [neighbour.key, neighbour]));
  const asked = new Set(found.keys());
  // What is wanted no more may still be there.
  for (const [key, { neighbour }] of router.sessions) {
    if (!found.has(key) && isNamed(neighbour, query)) found.set(key, neighbour);
  }
  const peers = [...found].map(([key, neighbour]) => ({
    address: key,
    wanted: asked.has(key),
    source: neighbour.source,
    reason: neighbour.reason,
    heldDown: neighbour.heldDown ?? null,
    session: sessionOf(router, router.sessions.get(key), now),
  }));
  return { query, wanted, steps: [...steps], peers };
}

/** What waits for a confirmation. */
export function heldChanges(router: Router): HeldChanges {
  const held = [...router.postponed].filter(([, { kind }]) => kind === 'held');
  return { changes: held.map(([peer, { change, words }]) => ({ peer, change, words })) };
}

/** What was held back and is done now, as a sentence. */
export function doneWords(changes: HeldChanges['changes']): string {
  const words = changes.slice(0, NAMED).map(({ peer, change }) => `${peer} is ${change}`);
  const more = changes.length > NAMED ? `, and so for ${changes.length - NAMED} more` : '';
  return `Done: ${words.join(', ')}${more}.`;
}

/** The same as problems, a sentence for each reason. */
export function heldProblems(router: Router): string[] {
  const byReason = new Map<string, string[]>();
  for (const { peer, change, words } of heldChanges(router).changes) {
    const reason = `${change}: ${words}`;
    const peers = byReason.get(reason);
    if (peers === undefined) byReason.set(reason, [peer]);
    else peers.push(peer);
  }
  return [...byReason].map(([reason, [first, ...others]]) => {
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    return `Peer ${first}${more} is held back from being ${reason} starling peer confirm --yes does it.`;
  });
}

function isNamed({ address, key, nodeName, source }: Neighbour, query: string): boolean {
  return [address, key, nodeName, source].includes(query) || source === `BGPPeer ${query}`;
}

function sessionOf(
  router: Router,
  peer: NeighbourSession | undefined,
  now: number,
): PeerExplanation['peers'][number]['session'] {
  if (peer === undefined) return null;
  const { neighbour, session } = peer;
  return {
    state: session.state,
    admin: router.isDisabled(neighbour.key) ? 'down' : 'up',
    since: toPastTimestamp(session.statistics.stateSince, now),
    lastError: lastTrouble(peer, now),
    postponed: router.postponed.get(neighbour.key)?.words ?? null,
  };
}

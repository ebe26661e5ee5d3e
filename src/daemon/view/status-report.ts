/** The one screen of `starling status`. */
import type { FamilyTotals, StatusReport } from '../../api/types.ts';
import { toPastTimestamp } from '../../api/timestamps.ts';
import { formatU32 } from '../../net/address.ts';
import { FAMILIES } from '../../net/family.ts';
import type { Family, FAMILY_NAMES } from '../../net/family.ts';
import { LOCAL_PEER } from '../../rib/peers.ts';
import type { Router } from '../router.ts';
import type { Postponed } from '../transition.ts';
import { heldProblems } from './peer-explanation.ts';

/** What the report is made of beside the router. */
export interface StatusInputs {
  readonly node: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly drain: StatusReport['drain'];
  readonly fib: StatusReport['fib'];
  /** How many routes of a family are for the kernel. */
  readonly countForKernel: (family: Family) => number;
  readonly datastore: StatusReport['datastore'];
  /** What is not done as the resources say. */
  readonly problems: readonly string[];
}

export function statusReport(
  router: Router,
  inputs: StatusInputs,
  services: StatusReport['services'],
  now: number,
): StatusReport {
  const peers = [...router.sessions.values()];
  const established = peers.filter(({ session }) => session.state === 'Established').length;
  return {
    node: inputs.node,
    asn: router.self?.asn ?? 0,
    routerId: formatU32(router.rib.self.routerId),
    version: inputs.version,
    started: toPastTimestamp(inputs.started, now),
    configLoaded: true,
    peers: {
      total: peers.length,
      established,
      disabled: peers.filter(({ neighbour }) => router.isDisabled(neighbour.key)).length,
      kept: countPostponed(router, 'kept'),
      held: countPostponed(router, 'held'),
    },
    routes: totals(router, inputs),
    services,
    drain: inputs.drain,
    fib: inputs.fib,
    datastore: inputs.datastore,
    problems: [...inputs.problems, ...router.listenProblems, ...heldProblems(router), ...sessionProblems(router)],
  };
}

function countPostponed({ postponed }: Router, kind: Postponed['kind']): number {
  return [...postponed.values()].filter((one) => one.kind === kind).length;
}

function totals(router: Router, inputs: StatusInputs): Record<(typeof FAMILY_NAMES)[number], FamilyTotals> {
  const [ipv4, ipv6] = FAMILIES.map((family) => familyTotals(router, family, inputs));
  return { 'ipv4-unicast': ipv4, 'ipv6-unicast': ipv6 };
}

function familyTotals(router: Router, family: Family, { countForKernel }: StatusInputs): FamilyTotals {
  const { rib, advertising } = router;
  let received = 0;
  let advertised = 0;
  for (const { peer } of router.sessions.values()) {
    if (peer <= LOCAL_PEER) continue;
    received += rib.peers.received[family][peer];
    advertised += advertising.toldCount(peer, family);
  }
  return { received, best: rib.tables[family].bestCount, advertised, fib: countForKernel(family) };
}

function sessionProblems(router: Router): string[] {
  const words: string[] = [];
  for (const { neighbour, session, lastError } of router.sessions.values()) {
    if (session.state === 'Established') continue;
    if (neighbour.heldDown !== undefined) {
      words.push(`Peer ${neighbour.key} is held down: ${neighbour.heldDown}`);
    } else if (!router.isDisabled(neighbour.key)) {
      const last = lastError === undefined ? '' : `: ${lastError.words}`;
      words.push(`Peer ${neighbour.key} is ${session.state}${last}.`);
    }
  }
  return words;
}

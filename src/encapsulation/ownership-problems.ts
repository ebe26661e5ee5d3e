/** Settings of who programs routes that don't fit each other, or the node. */
import type { ResourceOf } from '../resources/kinds.ts';
import type { FelixSettings } from './felix-settings.ts';
import { POOL_KINDS, POOL_KIND_WORDS } from './pools.ts';
import type { Pool, PoolKind } from './pools.ts';
import { quoted } from './problem.ts';
import type { EncapsulationProblem } from './problem.ts';
import type { RouteOwners } from './route-owners.ts';

/** Names what is lost by kinds of pools that nobody, or more than one, programs. `pools` are those there are. */
export function ownershipProblems(
  pools: readonly Pool[],
  owners: RouteOwners,
  felix: FelixSettings,
): readonly EncapsulationProblem[] {
  return POOL_KINDS.flatMap((kind) => {
    const names = pools.filter((pool) => pool.kind === kind).map(({ name }) => name);
    const { owner, why } = owners.of[kind];
    if (names.length === 0) return [];
    const subject = `the routes of ${POOL_KIND_WORDS[kind]} (${quoted(names)})`;
    if (owner === 'nobody') return [unprogrammed(kind, subject, why, owners, felix)];
    if (owner === 'both') return [doubled(subject, why, owners)];
    return [];
  });
}

function unprogrammed(
  kind: PoolKind,
  subject: string,
  why: string,
  { complement }: RouteOwners,
  felix: FelixSettings,
): EncapsulationProblem {
  const lost = `Nobody programs ${subject}: ${why}. This node can't reach their addresses on other nodes.`;
  if (kind === 'vxlan') return felixProblem(felix, 'vxlanEnabled', `${lost} Set it to true, or leave it out.`);
  const here = `Set programClusterRoutes to ${complement.bgp} in BGPConfiguration "default"`;
  if (!felix.present) return bgpProblem(`${lost} ${here}, or run Felix on this node.`);
  if (kind === 'ipip' && felix.spec.ipipEnabled === false) {
    return felixProblem(felix, 'ipipEnabled', `${lost} Leave ipipEnabled out, so that Felix sets up tunl0.`);
  }
  return bgpProblem(`${lost} ${here}, or to ${complement.felix} in FelixConfiguration "default".`);
}

function doubled(subject: string, why: string, { complement }: RouteOwners): EncapsulationProblem {
  return bgpProblem(
    `Starling and Felix both program ${subject}: ${why}. Each block has two routes, of which either may count, and each side may undo the other's. Set programClusterRoutes to ${complement.bgp} in BGPConfiguration "default", or to ${complement.felix} in FelixConfiguration "default".`,
  );
}

/** Routes through `tunl0` need the device, which Starling doesn't set up. */
export function tunnelProblems(
  pools: readonly Pool[],
  owners: RouteOwners,
  felix: FelixSettings,
): readonly EncapsulationProblem[] {
  const names = pools.filter(({ kind }) => kind === 'ipip').map(({ name }) => name);
  const ours = owners.of.ipip.owner === 'starling' || owners.of.ipip.owner === 'both';
  if (names.length === 0 || !ours || (felix.present && felix.spec.ipipEnabled !== false)) return [];
  const reason = felix.present
    ? `FelixConfiguration "${felix.objectOf('ipipEnabled')}" has ipipEnabled: false`
    : felix.presence;
  const message = `Starling programs the routes of IPIP pools (${quoted(names)}) through the device tunl0, which Felix would set up: ${reason}. Without it the routes can't be installed. Load the kernel module ipip and set it up (ip link set tunl0 up).`;
  return [{ resource: `IPPool ${names[0]}`, field: 'ipipMode', message }];
}

/** WireGuard goes by next hop rather than by pool, so it is named where it is in use and nothing follows from it. */
export function wireguardProblems(
  nodes: readonly ResourceOf<'Node'>[],
  name: string,
  felix: FelixSettings,
): readonly EncapsulationProblem[] {
  return (['wireguardEnabled', 'wireguardEnabledV6'] as const).flatMap((field) => {
    if (felix.spec[field] !== true) return [];
    if (!felix.present) {
      const message = `is true, but ${felix.presence}: traffic of this node to other nodes is not encrypted. Run Felix on this node, or set it to false.`;
      return [felixProblem(felix, field, message)];
    }
    const key = field === 'wireguardEnabled' ? 'wireguardPublicKey' : 'wireguardPublicKeyV6';
    const running = nodes.filter(({ status }) => status?.[key] !== undefined).map(({ metadata }) => metadata.name);
    const peers = running.filter((node) => node !== name);
    if (peers.length === running.length || peers.length === 0) return [];
    const message = `is true: Felix sends what goes to nodes with WireGuard (${quoted(peers)}) by a table of its own, whose rule comes before the main table. Starling does not leave out its routes by way of these nodes; they have no effect while Felix' are there.`;
    return [felixProblem(felix, field, message)];
  });
}

function bgpProblem(message: string): EncapsulationProblem {
  return { resource: 'BGPConfiguration default', field: 'programClusterRoutes', message };
}

function felixProblem(
  felix: FelixSettings,
  field: Parameters<FelixSettings['objectOf']>[0],
  message: string,
): EncapsulationProblem {
  return { resource: `FelixConfiguration ${felix.objectOf(field)}`, field, message };
}

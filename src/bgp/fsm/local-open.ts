import { SAFI_UNICAST, afiOf } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import type { Capability } from '../messages/capabilities/capability.ts';
import type { Open } from '../messages/open.ts';

/** What this side says of its own restarts (RFC 4724 §3). */
export interface RestartTerms {
  /** Seconds after which the peer need no longer keep this side's routes for a new session. */
  readonly restartTime: number;
  /** This side has restarted, and does not yet know all it has to tell. */
  readonly restarting: boolean;
  /** What this side told before still holds for packets: the peer may keep it until it is told again. */
  readonly forwarding: boolean;
  /** This side keeps nothing over its restarts; it only says that it helps the peer with its own (RFC 4724 §3). */
  readonly helperOnly?: boolean;
}

/** In which directions this side wants several paths to a prefix (RFC 7911), in all its families. */
export interface AddPathTerms {
  readonly send: boolean;
  readonly receive: boolean;
}

/** What this side says of itself to a peer. `holdTime` is in seconds. */
export interface LocalSpeaker {
  readonly localAs: number;
  readonly routerId: number;
  readonly holdTime: number;
  readonly families: readonly Family[];
  /** ADD-PATH is not announced where undefined. */
  readonly addPaths?: AddPathTerms;
  /** Graceful restart is not announced where undefined. */
  readonly gracefulRestart?: RestartTerms;
}

/** The OPEN for a peer: its families and the capabilities every session has. */
export function localOpen(speaker: LocalSpeaker): Open {
  const { localAs, routerId, holdTime, families, addPaths, gracefulRestart } = speaker;
  const capabilities: Capability[] = families.map((family) => ({
    name: 'multiprotocol',
    afi: afiOf(family),
    safi: SAFI_UNICAST,
  }));
  capabilities.push({ name: 'route-refresh' }, { name: 'extended-message' }, { name: 'four-octet-as', asn: localAs });
  if (addPaths?.send === true || addPaths?.receive === true) {
    const offered = families.map((family) => ({ afi: afiOf(family), safi: SAFI_UNICAST, ...addPaths }));
    capabilities.push({ name: 'add-path', families: offered });
  }
  if (gracefulRestart !== undefined) capabilities.push(restartCapability(gracefulRestart, families));
  return { asn: localAs, holdTime, routerId, capabilities };
}

function restartCapability(terms: RestartTerms, families: readonly Family[]): Capability {
  const { restartTime, restarting, forwarding, helperOnly } = terms;
  if (helperOnly)
    return { name: 'graceful-restart', restarting: false, notification: false, restartTime: 0, families: [] };
  const kept = families.map((family) => ({ afi: afiOf(family), safi: SAFI_UNICAST, forwarding }));
  return { name: 'graceful-restart', restarting, notification: false, restartTime, families: kept };
}

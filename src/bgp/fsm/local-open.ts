import { SAFI_UNICAST, afiOf } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import type { Capability } from '../messages/capabilities/capability.ts';
import type { Open } from '../messages/open.ts';

/** What this side says of itself to a peer. `holdTime` is in seconds. */
export interface LocalSpeaker {
  readonly localAs: number;
  readonly routerId: number;
  readonly holdTime: number;
  readonly families: readonly Family[];
}

/** The OPEN for a peer: its families and the capabilities every session has. */
export function localOpen({ localAs, routerId, holdTime, families }: LocalSpeaker): Open {
  const capabilities: Capability[] = families.map((family) => ({
    name: 'multiprotocol',
    afi: afiOf(family),
    safi: SAFI_UNICAST,
  }));
  capabilities.push({ name: 'route-refresh' }, { name: 'extended-message' }, { name: 'four-octet-as', asn: localAs });
  return { asn: localAs, holdTime, routerId, capabilities };
}

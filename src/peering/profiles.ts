/** PeerProfiles: which of them applies to a peering, and what it says. */
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { durationSeconds } from '../resources/duration.ts';
import type { PeerProfile } from '../resources/kinds/peer-profile.ts';
import { parseSelector } from '../resources/selector.ts';
import type { Labels, Selector } from '../resources/selector.ts';
import { authentication } from './authentication.ts';
import type { AddPaths, GracefulRestartMode, LocalPreferenceScale, Neighbour, NeighbourType } from './neighbour.ts';

/** What a peering is chosen by, beside the labels of the BGPPeer. */
export interface PeeringFacts {
  /** That of the BGPPeer, also for the peering back. */
  readonly type: NeighbourType;
  /** Name of the BGPPeer, or in the mesh that of the node. */
  readonly name: string;
  readonly address: string;
  readonly as: number;
}

/** A PeerProfile, ready to be applied. Times are whole seconds. */
export interface Profile {
  readonly name: string;
  readonly selectorText: string;
  readonly selector: Selector;
  readonly topologyKey: string | undefined;
  readonly holdTime: number | undefined;
  readonly keepaliveTime: number | undefined;
  readonly connectRetryTime: number | undefined;
  readonly restartTime: number | undefined;
  readonly passive: boolean | undefined;
  readonly families: readonly Family[] | undefined;
  readonly addPaths: AddPaths;
  readonly gracefulRestartMode: GracefulRestartMode;
  readonly localPreference: LocalPreferenceScale;
  readonly nextPassword: Neighbour['password'];
}

const ADD_PATHS: Readonly<Record<NonNullable<PeerProfile['spec']['addPaths']>, AddPaths>> = {
  Both: { send: true, receive: true },
  Send: { send: true, receive: false },
  Receive: { send: false, receive: true },
  Disabled: { send: false, receive: false },
};

const GRACEFUL_RESTART = { Full: 'full', Helper: 'helper', Disabled: 'off' } as const;
const LOCAL_PREFERENCE = { Auto: 'auto', Metric: 'metric', Plain: 'plain' } as const;
const FAMILY = { IPv4Unicast: IPV4_UNICAST, IPv6Unicast: IPV6_UNICAST } as const;

/** What holds where no PeerProfile applies. */
export const NO_PROFILE: Profile = readProfile('', {}, { kind: 'none' });

/** The PeerProfiles of the cluster, by name. Secrets are looked for in `namespace`. */
export function readProfiles(view: ClusterView, namespace: string): readonly Profile[] {
  return view.list('PeerProfile').map(({ metadata, spec }) => {
    const next = authentication(spec.authentication?.nextPassword, view, namespace);
    return readProfile(metadata.name, spec, next.password);
  });
}

/** What a `peerSelector` sees of a peering: the labels of the BGPPeer, and the facts as labels. */
export function peeringLabels(labels: Labels, facts: PeeringFacts): Labels {
  return {
    ...labels,
    'peer.starling.dev/type': facts.type,
    'peer.starling.dev/name': facts.name,
    'peer.starling.dev/address': facts.address,
    'peer.starling.dev/as': String(facts.as),
  };
}

/** The profiles whose selector picks a peering with these labels, by name: the first applies. */
export function profilesFor(profiles: readonly Profile[], labels: Labels): readonly Profile[] {
  return profiles.filter(({ selector }) => selector.matches(labels));
}

type Spec = Partial<PeerProfile['spec']>;

function readProfile(name: string, spec: Spec, nextPassword: Neighbour['password']): Profile {
  return {
    name,
    selectorText: spec.peerSelector ?? '',
    selector: parseSelector(spec.peerSelector ?? ''),
    topologyKey: spec.topologyKey,
    holdTime: seconds(spec.holdTime),
    keepaliveTime: seconds(spec.keepaliveTime),
    connectRetryTime: seconds(spec.connectRetryTime),
    restartTime: seconds(spec.gracefulRestart?.restartTime),
    passive: spec.passive,
    families: spec.families?.map((family) => FAMILY[family]),
    addPaths: ADD_PATHS[spec.addPaths ?? 'Both'],
    gracefulRestartMode: GRACEFUL_RESTART[spec.gracefulRestart?.mode ?? 'Full'],
    localPreference: LOCAL_PREFERENCE[spec.localPreference ?? 'Auto'],
    nextPassword,
  };
}

/** Rounded; undefined where it is not set. */
function seconds(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : Math.round(durationSeconds(duration) ?? 0);
}

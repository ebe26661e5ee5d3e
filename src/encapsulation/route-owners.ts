/**
 * Who programs the routes between nodes, by kind of pool. Calico says it in two fields that must complement each other and
 * that nothing compares: `programClusterRoutes` of BGPConfiguration (the BGP daemon) and of FelixConfiguration (Felix); routes
 * of VXLAN pools are always Felix'. See design/cluster-route-programming/DESIGN.md of Calico.
 */
import type { ClusterView } from '../resources/cluster-view.ts';
import { PROGRAM_CLUSTER_ROUTES } from '../resources/kinds/bgp-configuration.ts';
import type { FelixSettings } from './felix-settings.ts';
import type { PoolKind } from './pools.ts';

type ClusterRoutes = (typeof PROGRAM_CLUSTER_ROUTES)[number];

/** Whether one side programs the routes of a kind of pool, and what says so, as part of a sentence. */
interface Claim {
  readonly programs: boolean;
  readonly why: string;
}

/** What one side programs, of what the two fields are about. */
type Side = Readonly<Record<'ipip' | 'plain', Claim>>;

export interface Ownership {
  readonly owner: 'starling' | 'felix' | 'both' | 'nobody';
  readonly why: string;
}

export interface RouteOwners {
  readonly of: Readonly<Record<PoolKind, Ownership>>;
  /** What BGPConfiguration, and what FelixConfiguration, would have to say to complement the other. */
  readonly complement: { readonly bgp: ClusterRoutes; readonly felix: ClusterRoutes };
}

/** A value of `programClusterRoutes` as the kinds of pools it is for, and back. */
const PROGRAMS: Readonly<Record<ClusterRoutes, { readonly ipip: boolean; readonly plain: boolean }>> = {
  Disabled: { ipip: false, plain: false },
  EnabledIPIPOnly: { ipip: true, plain: false },
  EnabledNoEncapOnly: { ipip: false, plain: true },
  Enabled: { ipip: true, plain: true },
};

/** Decides from the resources; writes nothing back. */
export function routeOwners(view: ClusterView, felix: FelixSettings): RouteOwners {
  const version = view.get('ClusterInformation', 'default')?.spec.calicoVersion;
  const bgpSide = bgpClaims(view, version, felix);
  const felixSide = felixClaims(version, felix);
  return {
    of: {
      vxlan: vxlanOwner(felix),
      ipip: decide(bgpSide.ipip, felixSide.ipip),
      plain: decide(bgpSide.plain, felixSide.plain),
    },
    complement: { bgp: complementOf(felixSide), felix: complementOf(bgpSide) },
  };
}

/** Without Felix there is nobody to share with, so what is not said is ours. */
function bgpClaims(view: ClusterView, version: string | undefined, felix: FelixSettings): Side {
  const value = view.get('BGPConfiguration', 'default')?.spec.programClusterRoutes;
  if (value !== undefined) return claims(value, `BGPConfiguration "default" has programClusterRoutes: ${value}`);
  if (!felix.present) return claims('Enabled', felix.presence);
  return isSplit(version)
    ? claims('EnabledNoEncapOnly', byDefault('BGPConfiguration', version, 'BGP programs only unencapsulated pools'))
    : claims('Enabled', byDefault('BGPConfiguration', version, 'BGP programs all but VXLAN pools'));
}

function felixClaims(version: string | undefined, felix: FelixSettings): Side {
  if (!felix.present) return claims('Disabled', felix.presence);
  const side = felixRouteClaims(version, felix);
  if (felix.spec.ipipEnabled !== false) return side;
  const why = `FelixConfiguration "${felix.objectOf('ipipEnabled')}" has ipipEnabled: false`;
  return { ...side, ipip: { programs: false, why } };
}

function felixRouteClaims(version: string | undefined, felix: FelixSettings): Side {
  const value = felix.spec.programClusterRoutes;
  if (value !== undefined) {
    const object = felix.objectOf('programClusterRoutes');
    return claims(value, `FelixConfiguration "${object}" has programClusterRoutes: ${value}`);
  }
  return isSplit(version)
    ? claims('EnabledIPIPOnly', byDefault('FelixConfiguration', version, 'Felix programs only VXLAN and IPIP pools'))
    : claims('Disabled', byDefault('FelixConfiguration', version, 'Felix programs only VXLAN pools'));
}

function claims(value: ClusterRoutes, why: string): Side {
  const { ipip, plain } = PROGRAMS[value];
  return { ipip: { programs: ipip, why }, plain: { programs: plain, why } };
}

/** From v3.33 on the defaults of the two sides split the kinds of pools; before it, and in doubt, BGP has both. */
function isSplit(version: string | undefined): boolean {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  return Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 33);
}

function byDefault(kind: string, version: string | undefined, what: string): string {
  const since = version === undefined ? 'in Calico up to v3.32 (its version is not known)' : `in Calico ${version}`;
  return `programClusterRoutes of ${kind} is not set, and ${since} ${what} by default`;
}

/** `vxlanEnabled: false` switches VXLAN off, whoever programs it. */
function vxlanOwner(felix: FelixSettings): Ownership {
  if (felix.spec.vxlanEnabled === false) {
    const why = `FelixConfiguration "${felix.objectOf('vxlanEnabled')}" has vxlanEnabled: false`;
    return { owner: 'nobody', why };
  }
  return { owner: felix.present ? 'felix' : 'starling', why: felix.presence };
}

function decide(bgp: Claim, felix: Claim): Ownership {
  if (bgp.programs !== felix.programs) {
    return bgp.programs ? { owner: 'starling', why: bgp.why } : { owner: 'felix', why: felix.why };
  }
  return { owner: bgp.programs ? 'both' : 'nobody', why: `${bgp.why}; ${felix.why}` };
}

function complementOf({ ipip, plain }: Side): ClusterRoutes {
  const fits = (value: ClusterRoutes) =>
    PROGRAMS[value].ipip !== ipip.programs && PROGRAMS[value].plain !== plain.programs;
  return PROGRAM_CLUSTER_ROUTES.find(fits) ?? 'Disabled';
}

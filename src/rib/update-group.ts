/**
 * Neighbours that would be told the same form a group: what a route becomes on its way to them is computed once and
 * remembered per attribute set.
 */
import { NO_ADVERTISE, NO_EXPORT, NO_EXPORT_SUBCONFED } from '../bgp/messages/attributes/attribute-summary.ts';
import { toTwoOctetAs } from '../bgp/messages/attributes/two-octet-as.ts';
import { FAMILIES } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { growColumn } from './columns.ts';
import { mayTell } from '../route-reflector/reflection.ts';
import { AttributeExporter } from './export-attributes.ts';
import type { ExportRules } from './export-attributes.ts';
import { REJECTED, SOURCE_INTERNAL } from './policy.ts';
import type { RoutePolicy, RouteSource } from './policy.ts';
import { changeScope } from './policy-change.ts';
import type { ChangeScope } from './policy-change.ts';
import type { Rib } from './rib.ts';
import { OVERHEAD } from './update-writer.ts';

/** What the members of a group have in common. */
export interface GroupProfile extends ExportRules {
  readonly exportPolicy: RoutePolicy;
  /** Families negotiated. */
  readonly families: readonly Family[];
  /** Of those, the ones in which the peers are told all paths, each with an identifier (RFC 7911). */
  readonly addPaths: readonly Family[];
  /** Whether the peers understand 4-octet AS numbers (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** Longest message: 4096 or 65535 (RFC 8654). */
  readonly maxMessage: number;
}

/** Text that is equal for profiles that tell the same, but for their policies. */
function termsKey(profile: GroupProfile): string {
  return JSON.stringify([
    profile.to,
    profile.localAs,
    profile.nextHopMode,
    profile.selfNextHop.map((hop) => (hop === undefined ? '' : [...hop].join('.'))),
    profile.clusterId,
    profile.localPrefScale,
    profile.normalMetric,
    profile.families,
    profile.addPaths,
    profile.fourOctetAs,
    profile.maxMessage,
  ]);
}

/** Text that is equal for profiles that tell the same. */
export function profileKey(profile: GroupProfile): string {
  return `${termsKey(profile)} ${profile.exportPolicy.key}`;
}

/** The prefixes of a family that may be told differently, or not, by another profile. */
export function profileScope(before: GroupProfile, after: GroupProfile, family: Family): ChangeScope {
  if (termsKey(before) !== termsKey(after)) return 'all';
  return changeScope(before.exportPolicy, after.exportPolicy, family);
}

/** Memory of what attribute sets became, by set id, for one family. */
class ExportCache {
  /** Resulting set, 0 where not computed, or {@link NOT_TOLD}. */
  result = new Uint32Array(0);
  /** Source for which it was computed. */
  source = new Uint8Array(0);
  /** Originator for which it was computed, if it matters. */
  originator = new Uint32Array(0);

  fit(capacity: number): void {
    this.result = growColumn(this.result, capacity);
    this.source = growColumn(this.source, capacity);
    this.originator = growColumn(this.originator, capacity);
  }
}

const NOT_TOLD = 0xffffffff;

export class UpdateGroup {
  readonly profile: GroupProfile;
  /** By family. */
  private readonly bestPaths: readonly boolean[];
  private readonly allPaths: readonly boolean[];
  private readonly rib: Rib;
  private readonly exporter: AttributeExporter;
  private readonly caches: readonly [ExportCache, ExportCache] = [new ExportCache(), new ExportCache()];

  constructor(rib: Rib, profile: GroupProfile) {
    this.rib = rib;
    this.profile = profile;
    const { families, addPaths } = profile;
    this.allPaths = FAMILIES.map((family) => addPaths.includes(family));
    this.bestPaths = FAMILIES.map((family) => families.includes(family) && !addPaths.includes(family));
    this.exporter = new AttributeExporter(rib.sets, profile);
    rib.sets.rewrites.use(profile.exportPolicy);
  }

  /** Whether members are told all paths of a family, and not only the best one. */
  tellsAllPaths(family: Family): boolean {
    return this.allPaths[family];
  }

  /** Whether members are told the best paths of a family, and no others. */
  tellsBestPaths(family: Family): boolean {
    return this.bestPaths[family];
  }

  /**
   * The attribute set with which a prefix is told to this group over the path of `peer` with the accepted set `set`, 0 for
   * none; 0 if it isn't told. The caller retains it if it keeps it.
   */
  exported(family: Family, prefix: number, set: number, peer: number): number {
    if (set === 0) return 0;
    const { rib, profile } = this;
    const source = rib.peers.source[peer] as RouteSource;
    if (this.forbidden(set, source) !== undefined) return 0;
    const { view } = rib;
    view.family = family;
    view.source = source;
    view.set = set;
    if (profile.exportPolicy.perPrefix) {
      const { prefixes } = rib.tables[family];
      view.a0 = prefixes.a0[prefix];
      view.length = prefixes.length[prefix];
      if (family !== 0) {
        view.a1 = prefixes.a1[prefix];
        view.a2 = prefixes.a2[prefix];
        view.a3 = prefixes.a3[prefix];
      }
    }
    if (profile.exportPolicy.usesInterface === true) view.interface = rib.interfaces.of(set, peer, family, prefix);
    const allowed = profile.exportPolicy.apply(view);
    return allowed === REJECTED ? 0 : this.transformed(allowed, family, source, peer);
  }

  /** Why a route may not be told to these peers whatever the policy says, in words; undefined if it may. */
  forbidden(set: number, source: RouteSource): string | undefined {
    const { wellKnown } = this.rib.sets;
    if (!mayTell(source, this.profile.to)) {
      return 'learned from an internal peer, and this router does not reflect to this one (RFC 4456)';
    }
    if (wellKnown[set] === 0) return undefined;
    if ((wellKnown[set] & NO_ADVERTISE) !== 0) return 'community no-advertise';
    if (this.profile.to === 'external' && (wellKnown[set] & (NO_EXPORT | NO_EXPORT_SUBCONFED)) !== 0) {
      return 'community no-export';
    }
    return undefined;
  }

  /** The LOCAL_PREF that internal peers of the group are told for an attribute set that the policy let out. */
  localPref(set: number, family: Family): number {
    return this.exporter.localPref(set, family);
  }

  /** Forgets what an attribute set became that is not in use any more. */
  forget(set: number): void {
    for (const cache of this.caches) this.clear(cache, set);
  }

  /** Gives all remembered sets back: the group is gone. */
  dispose(): void {
    this.rib.sets.rewrites.unuse(this.profile.exportPolicy);
    for (const cache of this.caches) {
      for (let set = 0; set < cache.result.length; set++) this.clear(cache, set);
    }
  }

  /** Removes one entry. What is told as it is holds no reference to itself: it would never be freed. */
  private clear(cache: ExportCache, set: number): void {
    const result = cache.result[set] ?? 0;
    if (result === 0) return;
    cache.result[set] = 0;
    if (result !== NOT_TOLD && result !== set) this.rib.sets.releaseCached(result);
  }

  private transformed(set: number, family: Family, source: RouteSource, peer: number): number {
    const { sets, peers } = this.rib;
    const cache = this.caches[family];
    if (set >= cache.result.length) cache.fit(sets.capacity);
    const originator = source >= SOURCE_INTERNAL ? peers.routerId[peer] : 0;
    const known = cache.result[set];
    if (known !== 0) {
      if (cache.source[set] === source && cache.originator[set] === originator) return known === NOT_TOLD ? 0 : known;
      // The same attributes from another source: the latest one is remembered.
      this.clear(cache, set);
    }
    cache.result[set] = NOT_TOLD;
    cache.source[set] = source;
    cache.originator[set] = originator;
    if (!this.exporter.write(set, family, source, originator)) return 0;
    const { out } = this.exporter;
    // RFC 4271 §9.2: what doesn't fit a message can't be told.
    const { fourOctetAs, maxMessage } = this.profile;
    const length = fourOctetAs ? out.length : toTwoOctetAs(out.bytes, 0, out.length).length;
    if (length + OVERHEAD > maxMessage) return 0;
    const result = sets.acquire(out.bytes, 0, out.length);
    if (result === set) sets.release(result);
    else sets.handToCache(result);
    cache.result[set] = result;
    return result;
  }
}

/** The sets that rules name, as sets of nftables. */
import type { SetChange } from '../policy/model.ts';
import type { IpVersion, SetSpec } from '../policy/rule.ts';
import type { TableWriter } from '../nftables/table-writer.ts';
import type { SetsInUse } from './criteria.ts';
import { ADDRESS_TYPES, VERSIONS, versionOfText } from './families.ts';
import { describeSet, quoted } from './names.ts';

/** How many members of a family a set has. */
interface Counts {
  readonly singles: Record<IpVersion, number>;
  readonly prefixes: Record<IpVersion, number>;
}

interface KnownSet extends Counts {
  readonly spec: SetSpec;
}

/** What rules written before may say wrongly by now. */
export interface ShapeChanges {
  /** Ids of sets. */
  readonly sets: ReadonlySet<string>;
  /** Whether a family came into use or went out of it, which all rules that name sets depend on. */
  readonly families: boolean;
}

/**
 * Tells a writer of sets. Single addresses are in sets that hash (`s4_` and `s6_`, with ports `p4_` and `p6_`), declared for
 * every set as soon as any has a member of the family; prefixes in sets of concatenations (`c4_` and `c6_`), declared only
 * while there are any.
 */
export class SetContents implements SetsInUse {
  private readonly writer: TableWriter;
  private readonly sets = new Map<string, KnownSet>();
  private readonly members: Record<IpVersion, number> = { 4: 0, 6: 0 };

  constructor(writer: TableWriter) {
    this.writer = writer;
  }

  hasFamily(version: IpVersion): boolean {
    return this.members[version] > 0;
  }

  hasPrefixes({ id }: SetSpec, version: IpVersion): boolean {
    return (this.sets.get(id)?.prefixes[version] ?? 0) > 0;
  }

  apply(changes: readonly SetChange[]): ShapeChanges {
    const had = { 4: this.hasFamily(4), 6: this.hasFamily(6) };
    const reshaped = new Set<string>();
    for (const change of changes) if (this.count(change)) reshaped.add(change.set.id);
    const turned = VERSIONS.filter((version) => had[version] !== this.hasFamily(version));
    if (turned.length > 0) for (const { spec } of this.sets.values()) this.declareSingles(spec);
    for (const change of changes) this.tell(change);
    return { sets: reshaped, families: turned.length > 0 };
  }

  /** Whether the set has prefixes of a family now, and had none before, or the other way round. */
  private count({ set, gone, added, removed }: SetChange): boolean {
    const known = this.sets.get(set.id) ?? { spec: set, ...countsOf([]) };
    const had = VERSIONS.map((version) => known.prefixes[version] > 0);
    this.sets.set(set.id, known);
    this.add(known, countsOf(added), 1);
    this.add(known, gone ? { singles: { ...known.singles }, prefixes: { ...known.prefixes } } : countsOf(removed), -1);
    if (gone) this.sets.delete(set.id);
    return VERSIONS.some((version, index) => known.prefixes[version] > 0 !== had[index]);
  }

  private add(to: Counts, { singles, prefixes }: Counts, sign: 1 | -1): void {
    for (const version of VERSIONS) {
      to.singles[version] += sign * singles[version];
      to.prefixes[version] += sign * prefixes[version];
      this.members[version] += sign * (singles[version] + prefixes[version]);
    }
  }

  private tell({ set, added, removed }: SetChange): void {
    this.declareSingles(set);
    for (const version of VERSIONS) {
      const body = `type ${ADDRESS_TYPES[version]} . inet_proto; flags interval; ${commentOn(set)}`;
      this.writer.declareSet(
        `c${version}_${set.id}`,
        this.hasPrefixes(set, version) ? { kind: 'set', body } : undefined,
      );
    }
    // With a set that goes, its elements go.
    for (const member of removed) if (this.isDeclared(set, member)) this.writer.removeElement(...place(set, member));
    for (const member of added) this.writer.addElement(...place(set, member));
  }

  private isDeclared(set: SetSpec, member: string): boolean {
    const version = versionOfText(member);
    return this.sets.has(set.id) && (member.includes('/') ? this.hasPrefixes(set, version) : this.hasFamily(version));
  }

  private declareSingles(set: SetSpec): void {
    const [letter, ports] = holdsPorts(set) ? ['p', ' . inet_proto . inet_service'] : ['s', ''];
    for (const version of VERSIONS) {
      const body = `type ${ADDRESS_TYPES[version]}${ports}; ${commentOn(set)}`;
      const isWanted = this.sets.has(set.id) && this.hasFamily(version);
      this.writer.declareSet(`${letter}${version}_${set.id}`, isWanted ? { kind: 'set', body } : undefined);
    }
  }
}

function commentOn(set: SetSpec): string {
  return `comment ${quoted(describeSet(set))};`;
}

function holdsPorts(set: SetSpec): boolean {
  return set.kind === 'ports' || (set.kind === 'service' && set.withPorts);
}

function countsOf(members: readonly string[]): Counts {
  const counts: Counts = { singles: { 4: 0, 6: 0 }, prefixes: { 4: 0, 6: 0 } };
  for (const member of members) (member.includes('/') ? counts.prefixes : counts.singles)[versionOfText(member)]++;
  return counts;
}

/** The set of nftables that a member belongs to, and the element that it is there. */
function place(set: SetSpec, member: string): [set: string, element: string] {
  const version = versionOfText(member);
  // Every protocol: the second field is there because sets of one field hold intervals in a tree.
  if (member.includes('/')) return [`c${version}_${set.id}`, `${member} . 0-255`];
  if (!holdsPorts(set)) return [`s${version}_${set.id}`, member];
  return [`p${version}_${set.id}`, member.replaceAll(' ', ' . ')];
}

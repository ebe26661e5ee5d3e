/** Which chain judges the packets of which workload. */
import { formatPrefix, tryParsePrefix } from '../net/prefix.ts';
import { widestPrefixes } from '../net/widest-prefixes.ts';
import type { TableWriter } from '../nftables/table-writer.ts';
import type { EndpointRules, LocalWorkload } from '../policy/model.ts';
import type { IpVersion } from '../policy/rule.ts';
import { FROM_WORKLOAD, SPOOFABLE, TO_WORKLOAD } from './base-chains.ts';
import { ADDRESS_TYPES, VERSIONS, versionOfPrefix } from './families.ts';
import { endpointChain, isInterfaceName } from './names.ts';

/** A source beside its own that a workload may use, as nft has it. */
interface Source {
  readonly version: IpVersion;
  readonly element: string;
}

/** Tells a writer of workloads: two elements of maps each, and the sources beside its own that it may use. */
export class WorkloadMaps {
  private readonly writer: TableWriter;
  private readonly verdicts = new Map<string, Map<string, string>>(
    [FROM_WORKLOAD, TO_WORKLOAD].map((map) => [map, new Map()]),
  );
  private readonly sources = new Map<string, readonly Source[]>();
  private readonly counts: Record<IpVersion, number> = { 4: 0, 6: 0 };

  constructor(writer: TableWriter) {
    this.writer = writer;
  }

  /** Families in which some workload may use sources of others. */
  get spoofable(): readonly IpVersion[] {
    return VERSIONS.filter((version) => this.counts[version] > 0);
  }

  /** Interfaces of workloads whose names begin with none of the prefixes. */
  strays(prefixes: readonly string[]): readonly string[] {
    return [...(this.verdicts.get(FROM_WORKLOAD)?.keys() ?? [])].filter((name) => isStray(name, prefixes)).sort();
  }

  declare(): void {
    for (const map of this.verdicts.keys()) {
      this.writer.declareSet(map, { kind: 'map', body: 'type ifname : verdict;' });
    }
    for (const version of VERSIONS) {
      const body = `type ifname . ${ADDRESS_TYPES[version]}; flags interval;`;
      this.writer.declareSet(SPOOFABLE[version], { kind: 'set', body });
    }
  }

  /**
   * Says what is at an interface; undefined where nothing is any more. `rulesOf` knows what is asked of it. An interface whose
   * name nft would take for something else stays unknown, so nothing of it passes.
   */
  set(name: string, workload: LocalWorkload | undefined, rulesOf: (id: string) => EndpointRules | undefined): void {
    if (!isInterfaceName(name)) return;
    this.setVerdict(FROM_WORKLOAD, name, workload && rulesOf(workload.egress));
    this.setVerdict(TO_WORKLOAD, name, workload && rulesOf(workload.ingress));
    this.setSources(name, workload?.spoofable ?? []);
  }

  private setVerdict(map: string, name: string, rules: EndpointRules | undefined): void {
    const known = this.verdicts.get(map) ?? new Map<string, string>();
    const verdict = rules && `goto ${endpointChain(rules.layer, rules.direction, rules.id)}`;
    const before = known.get(name);
    if (verdict === before) return;
    if (before !== undefined) this.writer.removeElement(map, `"${name}"`);
    if (verdict === undefined) {
      known.delete(name);
      return;
    }
    known.set(name, verdict);
    this.writer.addElement(map, `"${name}"`, verdict);
  }

  private setSources(name: string, prefixes: readonly string[]): void {
    const before = this.sources.get(name) ?? [];
    const read = prefixes.map(tryParsePrefix).filter((prefix) => prefix !== undefined);
    const after = widestPrefixes(read).map((prefix) => ({
      version: versionOfPrefix(prefix),
      element: `"${name}" . ${formatPrefix(prefix)}`,
    }));
    for (const { version, element } of before) {
      this.counts[version]--;
      this.writer.removeElement(SPOOFABLE[version], element);
    }
    for (const { version, element } of after) {
      this.counts[version]++;
      this.writer.addElement(SPOOFABLE[version], element);
    }
    if (after.length === 0) this.sources.delete(name);
    else this.sources.set(name, after);
  }
}

/** Whether a workload's interface is not told by what its name begins with; what the host says to itself comes from none. */
export function isStray(name: string, prefixes: readonly string[]): boolean {
  return name !== 'lo' && !prefixes.some((prefix) => isInterfaceName(prefix) && name.startsWith(prefix));
}

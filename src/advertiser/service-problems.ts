/** ServiceAdvertisements that do not do what they seem to say. */
import type { AdvertisementRule } from './advertisement-rule.ts';
import type { AdvertisementProblem } from './originations.ts';
import type { ServiceContext } from './service-context.ts';
import { USUAL_LOCAL_PREFERENCE, backupTerms, primaryTerms } from './terms.ts';

/** By name of the ServiceAdvertisement. */
export function serviceProblems(context: ServiceContext): readonly AdvertisementProblem[] {
  const { rules } = context;
  return [
    ...rules.flatMap((rule) => [...ownProblems(rule, context), ...backupProblems(rule)]),
    ...contradictions(rules),
  ];
}

function ownProblems({ name, spec, topologyKey }: AdvertisementRule, context: ServiceContext): AdvertisementProblem[] {
  const problems: AdvertisementProblem[] = [];
  const report = (field: string, message: string) =>
    problems.push({ resource: `ServiceAdvertisement ${name}`, field, message });
  if (spec.addresses?.includes('ExternalIP') === true && context.ranges.serviceExternalIPs.length === 0) {
    const why = 'External IPs are advertised inside serviceExternalIPs of BGPConfiguration "default" only';
    report('addresses', `${why}, and there are none: add the ranges that people may take external IPs from.`);
  }
  const own = context.topologies.find(({ key }) => key === topologyKey)?.own;
  if (spec.scope === 'Zone' && own === undefined) {
    const then = spec.others === 'Backup' ? 'only as a backup' : 'none of these services';
    report('scope', `This node has no label "${topologyKey}", so it is in no zone and advertises ${then}. Label it.`);
  }
  return problems;
}

/** Backups that are as good as the other routes take traffic all the time. */
function backupProblems(rule: AdvertisementRule): readonly AdvertisementProblem[] {
  const { name, spec } = rule;
  // Without scope the services decide; who describes backups expects some.
  const isExpected = spec.scope === undefined && spec.others === undefined && spec.backup !== undefined;
  if (spec.others !== 'Backup' && !isExpected) return [];
  const [first, backup] = [primaryTerms(rule, undefined), backupTerms(rule)].map((terms) => ({
    localPreference: USUAL_LOCAL_PREFERENCE,
    med: 0,
    ...terms,
  }));
  const problems: AdvertisementProblem[] = [];
  const report = (field: string, message: string) =>
    problems.push({ resource: `ServiceAdvertisement ${name}`, field: `backup.${field}`, message });
  if (backup.localPreference >= first.localPreference) {
    const values = `Backups have LOCAL_PREF ${backup.localPreference}, other routes ${first.localPreference}`;
    report('localPreference', `${values}: in the same AS, backups take traffic all the time. Give them a lower one.`);
  }
  if (backup.prepend < first.prepend || (backup.prepend === first.prepend && backup.med <= first.med)) {
    const [own, other] = [backup, first].map(({ prepend, med }) => `prepend ${prepend} and MED ${med}`);
    const values = `Backups have ${own}, other routes ${other}`;
    report('prepend', `${values}: in other ASes, backups take traffic all the time. Give them a greater one.`);
  }
  return problems;
}

/** Rules for the same services and peers of which one has the others withdraw, the other has them stand by. */
function contradictions(rules: readonly AdvertisementRule[]): readonly AdvertisementProblem[] {
  const withdrawing = new Map<string, AdvertisementRule>();
  for (const rule of rules) {
    const { scope, others = scope === undefined ? undefined : 'Withdraw' } = rule.spec;
    if (others === 'Withdraw' && !withdrawing.has(audienceOf(rule))) withdrawing.set(audienceOf(rule), rule);
  }
  return rules.flatMap((rule) => {
    const other = rule.spec.others === 'Backup' ? withdrawing.get(audienceOf(rule)) : undefined;
    if (other === undefined) return [];
    const message = `${other.rule} has others Withdraw${other.spec.others === undefined ? ' (as without it)' : ''} for the same services, peers and scope, which counts: no node is a backup. Delete one of them, or let them agree.`;
    return [{ resource: `ServiceAdvertisement ${rule.name}`, field: 'others', message }];
  });
}

function audienceOf({ serviceSelector, namespaceSelector, spec }: AdvertisementRule): string {
  const { scope = '', peerSelector = '' } = spec;
  return JSON.stringify([serviceSelector.toString(), namespaceSelector?.toString() ?? '', scope, peerSelector]);
}

/** Rules of policies and profiles in nft's language. */
import type { IpVersion, Rule } from '../policy/rule.ts';
import { criteriaOf } from './criteria.ts';
import type { Criteria, SetsInUse } from './criteria.ts';
import { HEADERS, VERSIONS } from './families.ts';

/**
 * The rule as it stands in a chain: one line, or several where nft cannot say it in one, of which a packet may match any.
 * `statement` is what becomes of packets that match. None where nothing can match.
 */
export function ruleLines(rule: Rule, statement: string, sets: SetsInUse): string[] {
  const end = `${statement} comment "rule ${rule.index}"`;
  const versions = VERSIONS.filter((version) => rule.families.includes(version));
  const [first, second] = versions.map((version) => ({ version, choices: choicesOf(criteriaOf(rule, version, sets)) }));
  const shared = second === undefined ? [] : first.choices.filter((choice) => second.choices.includes(choice));
  const lines = [first, ...(second === undefined ? [] : [second])].flatMap(({ version, choices }) =>
    choices.filter((choice) => !shared.includes(choice)).map((choice) => `${ofFamily(choice, version)}${end}`),
  );
  return [...shared.map((choice) => `${choice}${end}`), ...lines];
}

/** Addresses say the family themselves. */
function ofFamily(choice: string, version: IpVersion): string {
  return ` ${choice}`.includes(` ${HEADERS[version]} `) ? choice : `meta nfproto ipv${version} ${choice}`;
}

/** Every choice of one text of each criterion, joined, each text followed by a space. */
function choicesOf(criteria: Criteria): string[] {
  let choices = [''];
  for (const texts of criteria) choices = choices.flatMap((choice) => texts.map((text) => `${choice}${text} `));
  return choices;
}

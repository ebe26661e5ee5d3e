/** How nft calls what both IP families have. */
import { IPV4_UNICAST } from '../net/family.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { widestPrefixes } from '../net/widest-prefixes.ts';
import type { IpVersion } from '../policy/rule.ts';

export const VERSIONS: readonly IpVersion[] = [4, 6];

/** Keyword of a family's header, `ip saddr` and `ip6 saddr`. */
export const HEADERS: Readonly<Record<IpVersion, string>> = { 4: 'ip', 6: 'ip6' };

/** Type of an address in declarations of sets. */
export const ADDRESS_TYPES: Readonly<Record<IpVersion, string>> = { 4: 'ipv4_addr', 6: 'ipv6_addr' };

export function versionOfPrefix({ family }: Prefix): IpVersion {
  return family === IPV4_UNICAST ? 4 : 6;
}

/** An address or, with a length, a prefix in canonical text. */
export function versionOfText(address: string): IpVersion {
  return address.includes(':') ? 6 : 4;
}

/**
 * Whether the address in `field` (`saddr` or `daddr`) lies in one of the prefixes, all of `version` and at least one; or, `not`,
 * in none. Several become a set of concatenations: those of bare intervals are red-black trees, which nft reads back whole
 * whenever any set changes.
 */
export function addressMatch(
  version: IpVersion,
  field: 'saddr' | 'daddr',
  prefixes: readonly Prefix[],
  not = false,
): string {
  const texts = widestPrefixes(prefixes).map(shortText);
  const operator = not ? '!= ' : '';
  const key = `${HEADERS[version]} ${field}`;
  if (texts.length === 1) return `${key} ${operator}${texts[0]}`;
  if (texts.every((text) => !text.includes('/'))) return `${key} ${operator}{ ${texts.join(', ')} }`;
  return `${key} . meta l4proto ${operator}{ ${texts.map((text) => `${text} . 0-255`).join(', ')} }`;
}

/** The prefix as nft takes it, of single addresses without a length. */
function shortText(prefix: Prefix): string {
  const text = formatPrefix(prefix);
  return text.endsWith(prefix.family === IPV4_UNICAST ? '/32' : '/128') ? text.slice(0, text.indexOf('/')) : text;
}

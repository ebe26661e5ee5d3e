/** The prefix of one address that a resource holds. There are tens of thousands, so this takes no detour over any library. */
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import { parsePrefix, wordMask } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';

/** The prefix of `length` bits that an address is in, which is in its canonical form (RFC 5952), as resources hold it. */
export function prefixOfAddress(address: string, length: number): Prefix {
  if (!address.includes(':')) {
    const [a, b, c, d] = address.split('.').map(Number);
    const word = ((a << 24) | (b << 16) | (c << 8) | d) & wordMask(length);
    return { family: IPV4_UNICAST, words: [word >>> 0, 0, 0, 0], length };
  }
  // An IPv4 address within.
  if (address.includes('.')) return parsePrefix(`${address}/${length}`);
  const words = ipv6Words(address);
  for (let i = 0; i < 4; i++) words[i] = (words[i] & wordMask(length - 32 * i)) >>> 0;
  return { family: IPV6_UNICAST, words, length };
}

function ipv6Words(address: string): [number, number, number, number] {
  const gap = address.indexOf('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const head = groups(gap < 0 ? address : address.slice(0, gap));
  const tail = gap < 0 ? [] : groups(address.slice(gap + 2));
  const words: [number, number, number, number] = [0, 0, 0, 0];
  const put = (group: string, at: number) => {
    words[at >> 1] |= Number.parseInt(group, 16) << (at % 2 === 0 ? 16 : 0);
  };
  for (const [i, group] of head.entries()) put(group, i);
  for (const [i, group] of tail.entries()) put(group, 8 - tail.length + i);
  return words;
}

/** IP protocols by name (IANA, Assigned Internet Protocol Numbers). */

const NUMBERS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132, udplite: 136 };

const NAMES = new Map(Object.entries(NUMBERS).map(([name, number]) => [number, name]));

/** Of ICMP, for either version of IP. */
export const ICMP: Readonly<Record<4 | 6, number>> = { 4: NUMBERS.icmp, 6: NUMBERS.icmpv6 };

/** A protocol by name in any case, or by number from 1 to 255; undefined for what is neither. */
export function protocolNumber(text: string): number | undefined {
  if (!/^\d{1,3}$/.test(text)) return NUMBERS[text.toLowerCase()];
  const number = Number(text);
  return number >= 1 && number <= 255 ? number : undefined;
}

/** `tcp`, or the number as text where it has no name here. */
export function protocolName(number: number): string {
  return NAMES.get(number) ?? String(number);
}

/** Whether packets of the protocol have ports. */
export function hasPorts(protocol: number): boolean {
  const { tcp, udp, sctp, udplite } = NUMBERS;
  return [tcp, udp, sctp, udplite].includes(protocol);
}

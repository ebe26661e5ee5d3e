/** IP protocols by name (IANA, Assigned Internet Protocol Numbers). */

const [ICMP_V4, TCP, UDP, ICMP_V6, SCTP, UDP_LITE] = [1, 6, 17, 58, 132, 136];

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['icmp', ICMP_V4],
  ['tcp', TCP],
  ['udp', UDP],
  ['icmpv6', ICMP_V6],
  ['sctp', SCTP],
  ['udplite', UDP_LITE],
]);

const NAMES: ReadonlyMap<number, string> = new Map([...NUMBERS].map(([name, number]) => [number, name]));

/** ICMP of either version of IP. */
export const ICMP: Readonly<Record<4 | 6, number>> = { 4: ICMP_V4, 6: ICMP_V6 };

/** The number of a protocol that is valid, by its name in any case or by number. */
export function protocolNumber(protocol: string | number): number {
  return typeof protocol === 'number' ? protocol : (NUMBERS.get(protocol.toLowerCase()) ?? Number(protocol));
}

/** A protocol by name in any case, or by number from 1 to 255; undefined for what is neither. */
export function readProtocol(text: string): number | undefined {
  if (!/^\d{1,3}$/.test(text)) return NUMBERS.get(text.toLowerCase());
  const number = Number(text);
  return number >= 1 && number <= 255 ? number : undefined;
}

/** `tcp`, or the number as text where it has no name here. */
export function protocolName(number: number): string {
  return NAMES.get(number) ?? String(number);
}

/** Whether packets of the protocol have ports. */
export function hasPorts(protocol: number): boolean {
  return [TCP, UDP, SCTP, UDP_LITE].includes(protocol);
}

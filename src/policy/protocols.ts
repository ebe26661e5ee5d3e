/** IP protocols as rules and ports of endpoints name them. */

/** IANA "Assigned Internet Protocol Numbers", for the names that Calico and Kubernetes know. */
const NUMBERS: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, ICMP: 1, ICMPv6: 58, SCTP: 132, UDPLite: 136 };

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(NUMBERS).map(([name, number]) => [number, name]));

/** The number of a protocol that a parsed resource gives by name or number. */
export function protocolNumber(protocol: string | number): number {
  return NUMBERS[protocol] ?? Number(protocol);
}

/** `TCP`, or `protocol 47` where it has no name in rules. */
export function protocolName(number: number): string {
  return NAMES.get(number) ?? `protocol ${number}`;
}

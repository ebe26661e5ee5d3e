/** What a host answers its workloads whatever policies say. */
import type { Packet } from '../../policy/decide.ts';
import type { PolicySettings } from '../../policy/settings.ts';

const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;

/** Neighbour discovery, and listeners of groups. */
const DISCOVERY: readonly number[] = [130, 131, 132, 133, 135, 136];

/** Ports of DHCP: from and to. RFC 2131 §4.1, RFC 8415 §7.2. */
const DHCP: Readonly<Record<4 | 6, readonly [source: number, destination: number]>> = { 4: [68, 67], 6: [546, 547] };

const DNS = 53;

/** As the name of a service; undefined where policies decide. */
export function hostServices(packet: Packet, { openstack }: PolicySettings): string | undefined {
  const { version, protocol, icmp, sourcePort, destinationPort, destination } = packet;
  if (protocol === ICMPV6 && icmp !== undefined && DISCOVERY.includes(icmp.type)) return 'neighbour discovery';
  if (openstack === undefined) return undefined;
  const { metadataAddress, metadataPort } = openstack;
  if (protocol === TCP && destination === metadataAddress && destinationPort === metadataPort) return 'metadata';
  if (protocol !== UDP) return undefined;
  const [from, to] = DHCP[version];
  if (sourcePort === from && destinationPort === to) return 'DHCP';
  return destinationPort === DNS ? 'DNS' : undefined;
}

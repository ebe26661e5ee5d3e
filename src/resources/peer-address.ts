/** Addresses as BGPPeer and Node write them: `address:port`, `[address]:port`, `address/length`. */
import { canonicalAddress, isLinkLocal, tryParseAddress } from '../net/address.ts';
import { addressBits } from '../net/family.ts';
import type { Family } from '../net/family.ts';

/** Where a peer listens. */
export interface PeerAddress {
  /** Canonical text; a link-local address has its `%zone`. */
  readonly address: string;
  readonly family: Family;
  /** TCP port, where one is written. */
  readonly port: number | undefined;
}

/**
 * Reads `peerIP` of a BGPPeer: `v4`, `v4:port`, `v6` or `[v6]:port`; undefined where the text is none of these.
 * A link-local address must have a zone, which Calico has no form for: `fe80::1%eth0`.
 */
export function parsePeerIP(text: string): PeerAddress | undefined {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const withPort = bracketed ?? /^([\d.]+):(\d{1,5})$/.exec(text);
  const address = tryParseAddress(withPort?.[1] ?? text);
  if (address === undefined || (bracketed !== null && address.bytes.length === 4)) return undefined;
  if (isLinkLocal(address.bytes) !== (address.zone !== undefined)) return undefined;
  const port = withPort?.[2] === undefined ? undefined : Number(withPort[2]);
  if (port !== undefined && (port < 1 || port > 65535)) return undefined;
  return { address: canonicalAddress(withPort?.[1] ?? text), family: address.family, port };
}

/** The canonical text of what {@link parsePeerIP} read. */
export function formatPeerIP({ address, port }: PeerAddress): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** An address of an interface with the length of the subnet it is in. */
export interface InterfaceAddress {
  readonly address: string;
  readonly family: Family;
  readonly prefixLength: number;
}

/** Reads `address/length` or a bare address, whose length is that of a host; undefined where the text is neither. */
export function parseInterfaceAddress(text: string): InterfaceAddress | undefined {
  const [host, length, ...rest] = text.split('/');
  const address = tryParseAddress(host);
  if (address === undefined || address.zone !== undefined || rest.length > 0) return undefined;
  const bits = addressBits(address.family);
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > bits)) return undefined;
  return { address: canonicalAddress(host), family: address.family, prefixLength: Number(length ?? bits) };
}

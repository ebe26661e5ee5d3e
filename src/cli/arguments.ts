/** Arguments checked before the daemon is asked, with the cheapest means. */
import { isIP } from 'node:net';
import { CliError } from './cli-error.ts';

/** Path of a peer in the API. Throws where the argument is no address. */
export function peerPath(address: string): string {
  return `/api/v1/peers/${encodeURIComponent(checkAddress(address, 'ADDRESS'))}`;
}

/** An IP address, link-local ones with `%interface`. */
export function checkAddress(text: string, what: string): string {
  if (isIP(text) !== 0) return text;
  throw new CliError(`${what} takes an IP address, not "${text}"`, 2);
}

/** A prefix, or an address for its host prefix. */
export function checkPrefix(text: string): string {
  const [address, length = '0', ...rest] = text.split('/');
  const version = isIP(address);
  const fits = /^\d{1,3}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128);
  if (version !== 0 && fits && rest.length === 0 && !address.includes('%')) return text;
  throw new CliError(`PREFIX takes an IP prefix or address, not "${text}"`, 2);
}

/** A number that fits into 32 bits. */
export function checkU32(text: string, what: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 0xffffffff) return value;
  throw new CliError(`${what} takes a number from 0 to 4294967295, not "${text}"`, 2);
}

/** Name of a family in the API. */
export function familyName(family: 'ipv4' | 'ipv6' | undefined): string | undefined {
  return family === undefined ? undefined : `${family}-unicast`;
}

/** A service as `namespace/name`. */
export function serviceName(text: string): { namespace: string; name: string } {
  const [namespace, name = '', ...rest] = text.split('/');
  if (namespace !== '' && name !== '' && rest.length === 0) return { namespace, name };
  throw new CliError(`NAMESPACE/NAME takes a service like default/web, not "${text}"`, 2);
}

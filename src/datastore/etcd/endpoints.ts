/** Where the members of an etcd cluster are. */
import { Resolver } from 'node:dns/promises';
import { isIPv4, isIPv6 } from 'node:net';
import { DatastoreError, hasCode } from '../datastore-error.ts';

export interface Endpoint {
  /** As people write it: `https://10.0.0.1:2379`. */
  readonly url: string;
  /** As gRPC wants it: `ipv4:10.0.0.1:2379`. */
  readonly target: string;
  readonly tls: boolean;
  /** Name or address, without brackets. */
  readonly host: string;
}

const DEFAULT_PORT = 2379;

/**
 * Reads an endpoint: a URL with http or https, or `host:port`, which is without TLS.
 * Throws {@link DatastoreError} where it is none.
 */
export function parseEndpoint(text: string): Endpoint {
  const url = tryParse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new DatastoreError(
      `datastore.etcd.endpoints: ${JSON.stringify(text)} is no endpoint; one looks like https://10.0.0.1:2379`,
    );
  }
  const tls = url.protocol === 'https:';
  // A URL hides the port that its protocol usually has.
  const written = /:(\d+)\/?$/.exec(text)?.[1];
  return endpoint(tls, url.hostname.replace(/^\[(.*)\]$/, '$1'), Number(url.port || (written ?? DEFAULT_PORT)));
}

function endpoint(tls: boolean, host: string, port: number): Endpoint {
  const place = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return { url: `${tls ? 'https' : 'http'}://${place}`, target: `${scheme(host)}:${place}`, tls, host };
}

function scheme(host: string): string {
  if (isIPv4(host)) return 'ipv4';
  return isIPv6(host) ? 'ipv6' : 'dns';
}

function tryParse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Finds SRV records (RFC 2782). */
export type ResolveSrv = (name: string) => Promise<readonly { readonly name: string; readonly port: number }[]>;

/** Gives up after a few seconds. */
const resolveSrv: ResolveSrv = (name) => new Resolver({ timeout: 1500, tries: 2 }).resolveSrv(name);

/**
 * The members that the SRV records of a domain name: those of `_etcd-client-ssl._tcp`, or else of `_etcd-client._tcp`.
 * Throws {@link DatastoreError} where there are none.
 */
export async function discoverEndpoints(
  domain: string,
  resolve: ResolveSrv = resolveSrv,
): Promise<readonly Endpoint[]> {
  for (const tls of [true, false]) {
    const records = await recordsOf(`_etcd-client${tls ? '-ssl' : ''}._tcp.${domain}`, resolve);
    if (records.length > 0) return records.map(({ name, port }) => endpoint(tls, name.replace(/\.$/, ''), port));
  }
  throw new DatastoreError(
    `datastore.etcd.discoverySrv: DNS has no SRV records _etcd-client-ssl._tcp.${domain} or _etcd-client._tcp.${domain}`,
  );
}

async function recordsOf(name: string, resolve: ResolveSrv): ReturnType<ResolveSrv> {
  try {
    return await resolve(name);
  } catch (error) {
    if (hasCode(error, 'ENOTFOUND') || hasCode(error, 'ENODATA')) return [];
    throw new DatastoreError(`datastore.etcd.discoverySrv: DNS does not answer for ${name}`, { cause: error });
  }
}

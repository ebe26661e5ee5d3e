/** Who this node is to etcd: certificates, and a user with a password. Files are read when they are needed. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { credentials } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { DatastoreError, reasonOf } from '../datastore-error.ts';
import type { Endpoint } from './endpoints.ts';

/** Texts that are absent or empty are not set. */
export interface EtcdCredentials {
  /** Certificates of the authorities that sign etcd's; those of the system where it is not set. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Holds the password, and perhaps a line break after it. */
  readonly passwordFile?: string | undefined;
}

/** Throws {@link DatastoreError} where a file can't be read or is not what it should be. */
export async function channelCredentials(files: EtcdCredentials, { tls, host }: Endpoint): Promise<ChannelCredentials> {
  if (!tls) return credentials.createInsecure();
  const ca = await readSetting('caFile', files.caFile);
  const cert = await readSetting('certFile', files.certFile);
  const key = await readSetting('keyFile', files.keyFile);
  if ((cert === undefined) !== (key === undefined)) {
    throw new DatastoreError('datastore.etcd: certFile and keyFile go together; only one of them is set');
  }
  try {
    return credentials.createSsl(ca ?? null, key ?? null, cert ?? null, {
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
    });
  } catch (error) {
    throw new DatastoreError(
      `datastore.etcd: what caFile, certFile and keyFile hold is of no use for TLS: ${reasonOf(error)}`,
      { cause: error },
    );
  }
}

/**
 * What TLS says that it wants to talk to. An address must not be said (RFC 6066 §3), but gRPC does where it is given no name;
 * etcd doesn't look at it, and its certificate is checked for the address all the same.
 */
export function serverNameOptions({ tls, host }: Endpoint): Readonly<Record<string, string>> {
  return tls && isIP(host) !== 0 ? { 'grpc.ssl_target_name_override': 'etcd' } : {};
}

/** Throws {@link DatastoreError} where it is in a file that can't be read. */
export async function readPassword({ password, passwordFile }: EtcdCredentials): Promise<string> {
  const text = await readSetting('passwordFile', passwordFile);
  return text === undefined ? (password ?? '') : text.toString().replace(/\r?\n$/, '');
}

async function readSetting(setting: string, file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined || file === '') return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    throw new DatastoreError(`datastore.etcd.${setting}: ${file} can't be read: ${reasonOf(error)}`, { cause: error });
  }
}

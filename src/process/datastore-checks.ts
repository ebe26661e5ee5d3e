/** What the schema of the configuration can't see in the settings of the datastore: fields against each other, and files. */
import { accessSync, constants, statSync } from 'node:fs';
import { MIN_KEY_FILE } from '../datastore/cache-secrets.ts';
import type { ConfigValues } from './config-schema.ts';

type DatastoreValues = ConfigValues['datastore'];

export interface DatastoreFault {
  readonly field: string;
  readonly message: string;
}

/** What is wrong with the settings of the datastore that is in use; those of the others are not looked at. */
export function datastoreFaults(datastore: DatastoreValues): DatastoreFault[] {
  const { type, etcd, kubernetes, cache, cacheKeyFile } = datastore;
  if (type === 'file') return [];
  const files: [field: string, path: string][] = [
    ...(type === 'etcd' ? etcdFiles(etcd) : []),
    ['datastore.kubernetes.kubeconfig', kubernetes.kubeconfig],
    ['datastore.cacheKeyFile', cacheKeyFile],
  ];
  const keyAlone = cacheKeyFile !== '' && cache === '';
  return [
    ...(type === 'etcd' ? etcdFaults(etcd) : []),
    ...(keyAlone ? [fault('datastore.cacheKeyFile', 'is set, but datastore.cache is empty: nothing is kept')] : []),
    ...files.flatMap(([field, path]) => fileFaults(field, path)),
    ...keyFaults(cacheKeyFile),
  ];
}

function etcdFiles({ keyFile, certFile, caFile, passwordFile }: DatastoreValues['etcd']): [string, string][] {
  return [
    ['datastore.etcd.keyFile', keyFile],
    ['datastore.etcd.certFile', certFile],
    ['datastore.etcd.caFile', caFile],
    ['datastore.etcd.passwordFile', passwordFile],
  ];
}

function etcdFaults(etcd: DatastoreValues['etcd']): DatastoreFault[] {
  const { endpoints, discoverySrv, keyFile, certFile, username, password, passwordFile } = etcd;
  const faults: DatastoreFault[] = [];
  const refuse = (field: string, message: string) => faults.push(fault(`datastore.etcd.${field}`, message));
  if (endpoints.length === 0 && discoverySrv === '') {
    refuse('endpoints', 'is required with datastore.type etcd, e.g. https://127.0.0.1:2379; or else discoverySrv');
  }
  if (endpoints.length > 0 && discoverySrv !== '') refuse('discoverySrv', 'must not be set together with endpoints');
  for (const [i, endpoint] of endpoints.entries()) {
    if (endpoint.includes('@')) {
      refuse(`endpoints.${i}`, 'must not hold a user: username and passwordFile are for that');
    } else if (!isEndpoint(endpoint)) {
      refuse(`endpoints.${i}`, `must be a URL like https://10.0.0.5:2379, not ${JSON.stringify(endpoint)}`);
    }
  }
  if ((keyFile === '') !== (certFile === '')) {
    refuse(keyFile === '' ? 'keyFile' : 'certFile', 'is required too: a certificate and its key belong together');
  }
  if (password !== '' && passwordFile !== '') refuse('passwordFile', 'must not be set together with password');
  const hasPassword = password !== '' || passwordFile !== '';
  if (username !== '' && !hasPassword) refuse('passwordFile', 'or password is required with username');
  if (username === '' && hasPassword) refuse('username', 'is required with a password');
  return faults;
}

/** Nothing but scheme, host and port: etcd has no paths, and a user has fields of his own. Without a scheme it is http. */
function isEndpoint(text: string): boolean {
  const whole = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(whole)) return false;
  const { protocol, hostname, pathname, search, hash, username } = new URL(whole);
  const bare = pathname === '/' || pathname === '';
  return /^https?:$/.test(protocol) && hostname !== '' && bare && search === '' && hash === '' && username === '';
}

function fileFaults(field: string, path: string): DatastoreFault[] {
  if (path === '') return [];
  try {
    accessSync(path, constants.R_OK);
    return [];
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const why = { ENOENT: 'there is no such file', EACCES: 'no permission to read it' }[code] ?? code;
    return [fault(field, `names ${path}: ${why}`)];
  }
}

/** A short key could be guessed. One that can't be read is named already. */
function keyFaults(path: string): DatastoreFault[] {
  const size = path === '' ? undefined : statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined || size >= MIN_KEY_FILE) return [];
  const message = `names ${path}, which holds ${size} bytes: a key needs at least ${MIN_KEY_FILE}, random ones`;
  return [fault('datastore.cacheKeyFile', message)];
}

function fault(field: string, message: string): DatastoreFault {
  return { field, message };
}

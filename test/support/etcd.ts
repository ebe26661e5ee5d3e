/** Real etcd on free ports of the loopback interface, driven by its JSON API, with its data in a directory of the test. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { start } from './processes.ts';
import type { ProcessSpace, RunningProcess } from './processes.ts';
import { waitFor } from './wait-for.ts';

/** Certificates in PEM, by file name. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface EtcdOptions {
  /** Where its data goes; it is there again when it is started again. */
  readonly directory: string;
  readonly name?: string;
  readonly flags?: readonly string[];
  /** Where it runs and listens; the test then reaches it by a Unix socket, which belongs to no namespace. Not with `tls`. */
  readonly space?: ProcessSpace;
  /** Its members by name, where it is one of several; each listens where its proxy leads to. */
  readonly cluster?: Readonly<Record<string, string>>;
  /** Of the port on which the others reach it. */
  readonly peerPort?: number;
  /** Content and paths of the files with which clients are asked for a certificate, and with which the test asks. */
  readonly tls?: { readonly files: TlsFiles; readonly contents: TlsFiles };
}

export interface Etcd extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly process: RunningProcess;
  /** A request to its JSON API; rejects with the answer where it is not 200. */
  ask(path: string, body: object): Promise<Readonly<Record<string, unknown>>>;
  /** Puts an object as JSON, or a text as it is. */
  put(key: string, value: unknown): Promise<void>;
  /** Puts several keys in one revision. */
  putAll(values: Readonly<Record<string, unknown>>): Promise<void>;
  delete(key: string): Promise<void>;
  get(key: string): Promise<string | undefined>;
  revision(): Promise<number>;
  /** Forgets everything before now. */
  compact(): Promise<void>;
  /** Makes users `root` and `starling` (who may do anything below `/calico/`), each with its name as password. */
  enableAuth(): Promise<void>;
  /** Takes a new token for the test's requests. */
  logIn(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}. */
  restart(): Promise<void>;
}

/** Ports of the loopback interface that nobody listens on. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports = await Promise.all(
    servers.map(async (server) => {
      await new Promise((resolve) => void server.once('listening', resolve));
      return (server.address() as AddressInfo).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => void server.close(resolve))));
  return ports;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** Starts it; resolves when it answers, or for a member of a cluster at once. */
export async function startEtcd(options: EtcdOptions): Promise<Etcd> {
  const { directory, name = 'default', cluster, space, tls } = options;
  const [port, freePort] = await freePorts(2);
  const peerPort = options.peerPort ?? freePort;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const members = Object.entries(cluster ?? { [name]: peerUrl }).map(([member, place]) => `${member}=${place}`);
  // etcd makes it where it was started.
  const socket = `localhost:${port}`;
  const target: Target =
    space === undefined ? { url, tls: tls?.contents } : { url, socketPath: join(directory, socket) };
  const flag = (setting: string, value: string | number) => [`--${setting}`, String(value)];
  const argv = [
    'etcd',
    '--unsafe-no-fsync',
    ...flag('name', name),
    ...flag('data-dir', join(directory, name)),
    ...flag('listen-client-urls', space === undefined ? url : `${url},unix://${socket}`),
    ...flag('advertise-client-urls', url),
    ...flag('listen-peer-urls', peerUrl),
    ...flag('initial-advertise-peer-urls', cluster?.[name] ?? peerUrl),
    ...flag('initial-cluster', members.join(',')),
    ...flag('heartbeat-interval', 50),
    ...flag('election-timeout', 500),
    // The least that it allows clients between two pings, so that tests need not wait for long.
    ...flag('grpc-keepalive-min-time', '100ms'),
    ...flag('log-level', 'error'),
    ...(tls === undefined
      ? []
      : [
          '--client-cert-auth',
          ...flag('trusted-ca-file', tls.files.ca),
          ...flag('cert-file', tls.files.cert),
          ...flag('key-file', tls.files.key),
        ]),
    ...(options.flags ?? []),
  ];
  const started = { name: `etcd ${name}`, ...(space !== undefined && { space, directory }) };
  let token: string | undefined;
  const ask = (path: string, body: object) => post(target, path, body, token);
  const logIn = async () => {
    token = undefined;
    const answer = await ask('/v3/auth/authenticate', { name: 'root', password: 'root' });
    token = String(answer['token']);
  };
  const range = async (key: string) => {
    const { kvs } = (await ask('/v3/kv/range', { key: base64(key) })) as { kvs?: { value?: string }[] };
    return kvs?.[0];
  };
  const ready = (process: RunningProcess) =>
    waitFor(
      async () => {
        if (!process.running()) throw new Error(`etcd has ended; it wrote:\n${process.output()}`);
        return ask('/v3/maintenance/status', {}).then(
          () => true,
          () => false,
        );
      },
      { what: 'etcd to answer' },
    );
  let process = start(argv, started);
  if (cluster === undefined) await ready(process);
  return {
    url,
    port,
    get process() {
      return process;
    },
    ask,
    async put(key, value) {
      await ask('/v3/kv/put', { key: base64(key), value: base64(textOf(value)) });
    },
    async putAll(values) {
      const success = Object.entries(values).map(([key, value]) => ({
        requestPut: { key: base64(key), value: base64(textOf(value)) },
      }));
      await ask('/v3/kv/txn', { success });
    },
    async delete(key) {
      await ask('/v3/kv/deleterange', { key: base64(key) });
    },
    async get(key) {
      const kv = await range(key);
      return kv && Buffer.from(kv.value ?? '', 'base64').toString();
    },
    revision: async () => revisionOf(await ask('/v3/kv/range', { key: base64('/calico/') })),
    async compact() {
      const revision = revisionOf(await ask('/v3/kv/range', { key: base64('/calico/') }));
      await ask('/v3/kv/compaction', { revision, physical: true });
    },
    async enableAuth() {
      await ask('/v3/auth/role/add', { name: 'calico' });
      const perm = { permType: 'READWRITE', key: base64('/calico/'), range_end: base64('/calico0') };
      await ask('/v3/auth/role/grant', { name: 'calico', perm });
      for (const [user, role] of [
        ['root', 'root'],
        ['starling', 'calico'],
      ]) {
        await ask('/v3/auth/user/add', { name: user, password: user });
        await ask('/v3/auth/user/grant', { user, role });
      }
      await ask('/v3/auth/enable', {});
      await logIn();
    },
    logIn,
    async kill() {
      process.signal('SIGKILL');
      await process.ended;
    },
    async restart() {
      process = start(argv, started);
      if (token !== undefined) {
        const tried = () =>
          logIn().then(
            () => true,
            () => false,
          );
        await waitFor(tried, { what: 'etcd to take a login' });
      }
      await ready(process);
    },
    [Symbol.asyncDispose]: () => process.stop(),
  };
}

function revisionOf(answer: Readonly<Record<string, unknown>>): number {
  return Number((answer['header'] as { revision: string }).revision);
}

/** Where etcd is asked: at its URL, or by a socket. */
interface Target {
  readonly url: string;
  readonly socketPath?: string;
  readonly tls?: TlsFiles | undefined;
}

function post(
  { url, socketPath, tls }: Target,
  path: string,
  body: object,
  token: string | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  const options = {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: token }) },
    timeout: 2000,
    ...(socketPath !== undefined && { socketPath }),
  };
  return new Promise((resolve, reject) => {
    const request =
      tls === undefined ? httpRequest(`${url}${path}`, options) : httpsRequest(`${url}${path}`, { ...options, ...tls });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error(`no answer of etcd to ${path}`)));
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as Readonly<Record<string, unknown>>);
        else reject(new Error(`etcd answers ${path}: ${text}`));
      });
    });
    request.end(JSON.stringify(body));
  });
}

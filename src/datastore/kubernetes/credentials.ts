/**
 * Where the API server is and who we are to it: kubeconfig files and in-cluster configuration as `@kubernetes/client-node`
 * reads them, read again as they change.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { AgentOptions, RequestOptions } from 'node:https';
import { delimiter, dirname, resolve } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { User } from '@kubernetes/client-node';
import { isJsonObject } from '../../resources/resource.ts';
import { DatastoreError, reasonOf } from '../datastore-error.ts';
import { readKubeconfig } from '../kubeconfig.ts';
import type { Access } from './api-client.ts';

/** Files are read again when they were read this long ago, in milliseconds: tokens in files change before they expire. */
const KEPT_FOR = 60_000;

/** How long a credential program may take, in milliseconds. */
const PATIENCE = 30_000;

export class Credentials {
  readonly #path: string;
  #config: KubeConfig | undefined;
  #access: Promise<Access> | undefined;
  #readAt = 0;
  #agent: HttpAgent | HttpsAgent | undefined;
  /** What the agent was made from. */
  #agentKey = '';

  /** `path` is a kubeconfig file; empty for KUBECONFIG or, without it, for what a pod is given. */
  constructor(path: string) {
    this.#path = path;
  }

  /** How to reach the server now. Rejects with {@link DatastoreError}, which says what to do. */
  access(): Promise<Access> {
    if (performance.now() - this.#readAt > KEPT_FOR) this.#access = undefined;
    if (this.#access === undefined) {
      this.#readAt = performance.now();
      this.#access = this.#read();
      // A failure is not kept.
      this.#access.catch(() => this.renew());
    }
    return this.#access;
  }

  /** Reads everything again next time: the server no longer accepts what we have. */
  renew(): void {
    this.#config = undefined;
    this.#access = undefined;
  }

  close(): void {
    this.#agent?.destroy();
  }

  async #read(): Promise<Access> {
    try {
      const config = (this.#config ??= loadConfig(this.#path));
      const user = config.getCurrentUser();
      // Programs and identity providers are asked when what they gave expires; files are simply read again.
      if (!asksOthers(user)) this.#config = undefined;
      const server = config.getCurrentCluster()?.server;
      if (server === undefined) throw new Error('its current context names no cluster');
      const options: RequestOptions = { headers: {} };
      await inTime(config.applyToHTTPSOptions(options));
      return { server, headers: headersOf(options), agent: this.#agentFor(config, server, options) };
    } catch (error) {
      if (error instanceof DatastoreError) throw error;
      const source = this.#path === '' ? 'the Kubernetes configuration' : this.#path;
      throw new DatastoreError(`${source}: ${wordsOf(error)}`);
    }
  }

  /** The same agent, with its connections, as long as nothing is different about them. */
  #agentFor(config: KubeConfig, server: string, options: RequestOptions): HttpAgent | HttpsAgent {
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
    const proxy = config.getCurrentCluster()?.proxyUrl;
    const material = [server, proxy, ca, cert, key, pfx, passphrase, servername, rejectUnauthorized]
      .map(String)
      .join('\n');
    if (this.#agent !== undefined && material === this.#agentKey) return this.#agent;
    const tls = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized };
    const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)) as AgentOptions;
    const direct = server.startsWith('http:')
      ? new HttpAgent({ keepAlive: true })
      : new HttpsAgent({ ...given, keepAlive: true });
    // Idle connections of the one before would be kept for ever; those in use are left to end.
    for (const socket of Object.values(this.#agent?.freeSockets ?? {}).flat()) socket?.destroy();
    this.#agent = proxy !== undefined && options.agent instanceof HttpAgent ? options.agent : direct;
    this.#agentKey = material;
    return this.#agent;
  }
}

/** What is asked elsewhere, a program or an identity provider, need not answer. */
function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    const words = `its credential program or identity provider has not answered for ${PATIENCE / 1000} s`;
    timer = setTimeout(() => reject(new Error(words)), PATIENCE);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** Parsers quote what they can't read, which may be the token. */
function wordsOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'its credential program has given something that is not JSON';
  if (error instanceof Error && error.name === 'YAMLException') return 'is not the YAML of a kubeconfig file';
  return reasonOf(error);
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const basic = typeof auth === 'string' ? { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
  // A token file may end with a line break, which no header may hold.
  const entries = Object.entries(headers ?? {}).map(([name, value]): [string, string] => [name, String(value).trim()]);
  return { ...basic, ...Object.fromEntries(entries) };
}

function asksOthers(user: User | null): boolean {
  if (user === null) return false;
  const provider: unknown = user.authProvider;
  return Boolean(user.exec) || (isJsonObject(provider) && provider['name'] !== TOKEN_FILE);
}

function loadConfig(path: string): KubeConfig {
  const paths = path === '' ? (process.env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean) : [path];
  const [first, ...rest] = paths;
  if (first !== undefined) {
    const config = loadFile(first);
    for (const other of rest) config.mergeConfig(loadFile(other), true);
    return config;
  }
  if (process.env['KUBERNETES_SERVICE_HOST'] === undefined) {
    throw new DatastoreError(
      'no way to the Kubernetes API: this is no pod, and neither datastore.kubernetes.kubeconfig nor KUBECONFIG names a file',
    );
  }
  const config = new KubeConfig();
  config.loadFromCluster();
  return config;
}

const TOKEN_FILE = 'tokenFile';

function loadFile(path: string): KubeConfig {
  // Read before client-node does, whose errors quote the file.
  const tokenFiles = tokenFilesOf(readKubeconfig(path));
  const config = new KubeConfig();
  config.loadFromFile(path);
  // client-node overlooks a user's `tokenFile`, but reads the file again where it comes from a provider of this name.
  config.users = config.users.map((user) => {
    const file = tokenFiles.get(user.name);
    if (file === undefined || user.token) return user;
    return { ...user, authProvider: { name: TOKEN_FILE, config: { tokenFile: resolve(dirname(path), file) } } };
  });
  return config;
}

/** By the user's name. */
function tokenFilesOf(document: unknown): Map<string, string> {
  const users =
    isJsonObject(document) && Array.isArray(document['users']) ? document['users'].filter(isJsonObject) : [];
  const files = users.flatMap(({ name, user }): [string, string][] => {
    const file = isJsonObject(user) ? user['tokenFile'] : undefined;
    return typeof name === 'string' && typeof file === 'string' ? [[name, file]] : [];
  });
  return new Map(files);
}

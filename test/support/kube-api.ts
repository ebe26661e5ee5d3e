/** A real Kubernetes API server with its etcd, on free ports of the loopback, for tests. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { freePorts, startEtcd } from './etcd.ts';
import type { Etcd } from './etcd.ts';
import { start, waitUntilReady } from './processes.ts';
import type { RunningProcess } from './processes.ts';
import { createScratch } from './scratch.ts';
import type { Scratch } from './scratch.ts';
import { waitFor } from './wait-for.ts';

/** An answer of the API; `body` is the JSON that it holds. */
export interface KubeAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A manifest with the fields that these helpers need. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** What a custom resource is called. */
interface ResourceNames {
  readonly kind: string;
  readonly plural: string;
  /** By default only EndpointSlices are. */
  readonly namespaced?: boolean;
}

/** A user that a token stands for. */
export interface TokenUser {
  readonly token: string;
  readonly user: string;
  readonly groups?: string;
}

/** Has all rights. */
const ADMIN: TokenUser = { token: 'admin-token', user: 'admin', groups: 'system:masters' };

/** Tests and benchmarks run in the project's root, the latter as programs compiled to elsewhere. */
const FINDER = 'scripts/kube-apiserver.mjs';

/** Path of the API server's program, or why there is none. */
export function findKubeApiServer(): { readonly path?: string; readonly missing?: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [FINDER, '--find'], { encoding: 'utf8' });
  return status === 0 ? { path: stdout.trim() } : { missing: stderr.trim() };
}

/** The API refused what a test asked for. */
class KubeApiError extends Error {
  override readonly name = 'KubeApiError';
}

/** Starts etcd and the API server. `users` have the rights that the test gives them. */
export async function startKubeApi(program: string, users: readonly TokenUser[]): Promise<KubeApi> {
  const scratch = createScratch('kube');
  makeCertificates(scratch);
  const [port] = await freePorts(1);
  const etcd = await startEtcd({ directory: scratch.path });
  const kube = new KubeApi(program, scratch, etcd, port);
  try {
    await kube.start(users);
  } catch (error) {
    await kube[Symbol.asyncDispose]();
    throw error;
  }
  return kube;
}

export class KubeApi implements AsyncDisposable {
  readonly scratch: Scratch;
  readonly server: string;
  readonly #program: string;
  readonly #etcd: Etcd;
  readonly #port: number;
  readonly #agent: Agent;
  #api: RunningProcess | undefined;

  constructor(program: string, scratch: Scratch, etcd: Etcd, port: number) {
    this.#program = program;
    this.scratch = scratch;
    this.#etcd = etcd;
    this.#port = port;
    this.server = `https://127.0.0.1:${port}`;
    this.#agent = new Agent({ ca: readFileSync(join(scratch.path, 'ca.crt')), keepAlive: true, maxSockets: 8 });
  }

  /** Starts the API server, which then knows these users. */
  async start(users: readonly TokenUser[]): Promise<void> {
    const rows = [ADMIN, ...users].map(({ token, user, groups = '' }) => `${token},${user},${user}-uid,"${groups}"\n`);
    this.scratch.write('tokens.csv', rows.join(''));
    const file = (name: string) => join(this.scratch.path, name);
    const api = start(
      [
        this.#program,
        `--etcd-servers=${this.#etcd.url}`,
        '--bind-address=127.0.0.1',
        '--advertise-address=127.0.0.1',
        `--secure-port=${this.#port}`,
        '--insecure-port=0',
        `--tls-cert-file=${file('server.crt')}`,
        `--tls-private-key-file=${file('server.key')}`,
        `--token-auth-file=${file('tokens.csv')}`,
        '--authorization-mode=RBAC',
        `--service-account-key-file=${file('server.pub')}`,
        `--service-account-signing-key-file=${file('server.key')}`,
        '--service-account-issuer=https://kubernetes.default.svc',
        '--service-cluster-ip-range=10.96.0.0/12,fd00:10:96::/108',
        '--feature-gates=IPv6DualStack=true',
        // Nobody makes service accounts or endpoints here.
        '--disable-admission-plugins=ServiceAccount',
        '--endpoint-reconciler-type=none',
        // 1.20 has no discovery.k8s.io/v1: a CRD of that name takes the place, and needs the built-in group out of the way.
        '--runtime-config=discovery.k8s.io/v1beta1=false',
        '--storage-media-type=application/json',
      ],
      { name: 'kube-apiserver' },
    );
    this.#api = api;
    const ready = async () => {
      const { status } = await this.request('GET', '/readyz');
      if (status !== 200) throw new KubeApiError(`readyz: ${status}`);
    };
    // Four seconds where it has the machine for itself.
    await waitUntilReady(api, ready, 60_000);
  }

  /** Ends the API server at once, as a crash does. */
  async kill(): Promise<void> {
    this.#api?.signal('SIGKILL');
    await this.#api?.ended;
    this.#api = undefined;
  }

  /** Stops the API server in its tracks while its connections stay. */
  freeze(): void {
    this.#api?.freeze();
  }

  thaw(): void {
    this.#api?.thaw();
  }

  /** Makes etcd forget all revisions but the last. */
  async compact(): Promise<void> {
    await this.#etcd.compact();
  }

  /** Sends a request as the administrator. */
  request(method: string, path: string, body?: unknown, type = 'application/json'): Promise<KubeAnswer> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = {
      Authorization: `Bearer ${ADMIN.token}`,
      'Content-Type': type,
      // Without it, Node sends no length with DELETE.
      'Content-Length': Buffer.byteLength(text),
    };
    return new Promise((resolve, reject) => {
      const outgoing = request(this.server + path, { method, agent: this.#agent, headers }, (incoming) => {
        let answer = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => (answer += chunk));
        incoming.on('error', reject);
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: parse(answer) }));
      });
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }

  /** Makes an object, or changes the one that is there to be like it. Throws where that is refused. */
  async apply(manifest: Manifest): Promise<void> {
    const collection = await this.#collection(manifest);
    const made = await this.request('POST', collection, manifest);
    const changed = made.status === 409;
    const path = `${collection}/${manifest.metadata.name}`;
    const { status, body } = changed
      ? await this.request('PATCH', path, manifest, 'application/merge-patch+json')
      : made;
    if (status >= 300) throw new KubeApiError(`${manifest.kind} ${manifest.metadata.name}: ${JSON.stringify(body)}`);
  }

  /** Deletes an object. Throws where that is refused. */
  async delete(manifest: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>): Promise<void> {
    const path = `${await this.#collection(manifest)}/${manifest.metadata.name}`;
    const { status, body } = await this.request('DELETE', path);
    if (status >= 300) throw new KubeApiError(`${path}: ${JSON.stringify(body)}`);
  }

  /** Applies the definition of a custom resource, and waits until the server serves it. */
  async define(group: string, version: string, names: ResourceNames, more: object = {}): Promise<void> {
    await this.apply(customResource(group, version, names, more));
    const path = `/apis/${group}/${version}/${names.plural}`;
    const look = async () => (await this.request('GET', path)).status;
    await waitFor(look, { what: `${path} to be served`, accept: (status) => status === 200 });
  }

  /** A kubeconfig file for a user, with the token in it, or in a file beside it that it names. */
  kubeconfig(name: string, user: { readonly token: string } | { readonly tokenFile: string }): string {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: this.server, 'certificate-authority': 'ca.crt' } }],
      users: [{ name: 'user', user }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
      'current-context': 'test',
    };
    return this.scratch.write(name, JSON.stringify(config));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await this.kill();
    await this.#etcd[Symbol.asyncDispose]();
    this.scratch[Symbol.dispose]();
  }

  async #collection({
    apiVersion,
    kind,
    metadata,
  }: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>): Promise<string> {
    const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
    const look = async () => {
      const { body } = await this.request('GET', root);
      const resources = (body['resources'] ?? []) as { name: string; kind: string }[];
      return resources.find((resource) => resource.kind === kind && !resource.name.includes('/'))?.name;
    };
    const plural = await waitFor(look, { what: `${apiVersion} ${kind} to be served` });
    return `${root}/${metadata.namespace === undefined ? '' : `namespaces/${metadata.namespace}/`}${plural}`;
  }
}

/** A definition that takes every field. */
function customResource(
  group: string,
  version: string,
  { kind, plural, namespaced = kind === 'EndpointSlice' }: ResourceNames,
  more: object,
) {
  const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // Asked for in groups of Kubernetes' own.
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' },
    },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: schema }, ...more }],
    },
  };
}

function makeCertificates(scratch: Scratch): void {
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: scratch.path, encoding: 'utf8' });
    if (status !== 0) throw new KubeApiError(`openssl ${args[0]}: ${stderr}`);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-subj', '/CN=test-ca', '-keyout', 'ca.key', '-out', 'ca.crt');
  openssl('req', ...key.slice(0, -2), '-subj', '/CN=kube-apiserver', '-keyout', 'server.key', '-out', 'server.csr');
  scratch.write('server.ext', 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n');
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'server.ext'];
  openssl('pkey', '-in', 'server.key', '-pubout', '-out', 'server.pub');
  openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.crt');
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { text };
  }
}

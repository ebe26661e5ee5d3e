/** Starling itself, from `dist/`. */
import { request } from 'node:http';
import { mkdirSync } from 'node:fs';

import { stringify } from 'yaml';

import { createScratch } from '../scratch.ts';
import { start, waitUntilReady } from '../processes.ts';
import type { RunningProcess } from '../processes.ts';
import type { NeighbourConfig, NeighbourView, Router, RouterConfig, RouterPlace } from './router.ts';

/** The built daemon; tests and benchmarks run in the project's root. */
export const STARLINGD = 'dist/daemon/main.js';

const API_VERSION = 'projectcalico.org/v3';
const NODE = 'dut';

function resource(kind: string, name: string, spec: object): object {
  return { apiVersion: API_VERSION, kind, metadata: { name }, spec };
}

function peerName(address: string): string {
  return `peer-${address.replaceAll(/[.:]+/g, '-')}`;
}

function peer(neighbour: NeighbourConfig): object {
  const { address } = neighbour;
  return resource('BGPPeer', peerName(address), {
    peerIP: address,
    asNumber: neighbour.asn,
    filters: [neighbour.silent === true ? 'accept-only' : 'accept-all'],
    // Peers help without being asked. A test that is not about that does not wait for them to give up.
    maxRestartTime: `${neighbour.restartTime ?? 1}s`,
    ...(neighbour.local === undefined ? {} : { sourceAddress: 'None' }),
    ...(neighbour.nextHopSelf === true ? { nextHopMode: 'Self' } : {}),
    ...(neighbour.ttlSecurity === true ? { ttlSecurity: 1 } : {}),
    ...(neighbour.password === undefined
      ? {}
      : { password: { secretKeyRef: { name: peerName(address), key: 'password' } } }),
  });
}

/** The Secret with the password of a neighbour, in the namespace that the daemon looks into by default. */
function secret({ address, password }: NeighbourConfig): object {
  const metadata = { name: peerName(address), namespace: 'kube-system' };
  return { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { password } };
}

/** The resources that make Starling the router of `config`. */
export function starlingResources(config: RouterConfig): object[] {
  const accept = [{ action: 'Accept' }];
  const reject = [{ action: 'Reject' }];
  const { address, address6 } = config;
  return [
    resource('Node', NODE, {
      bgp: {
        ipv4Address: `${address}/16`,
        ...(address6 === undefined ? {} : { ipv6Address: `${address6}/64` }),
        asNumber: config.asn,
        ...(config.neighbours.some(({ client }) => client)
          ? { routeReflectorClusterID: config.clusterId ?? config.routerId }
          : {}),
      },
    }),
    resource('BGPConfiguration', 'default', {
      nodeToNodeMeshEnabled: false,
      asNumber: config.asn,
      ...(config.port === undefined ? {} : { listenPort: config.port }),
    }),
    resource('BGPFilter', 'accept-all', { exportV4: accept, importV4: accept, exportV6: accept, importV6: accept }),
    resource('BGPFilter', 'accept-only', { exportV4: reject, importV4: accept, exportV6: reject, importV6: accept }),
    ...config.neighbours.map(peer),
    ...config.neighbours.filter(({ password }) => password !== undefined).map(secret),
  ];
}

type CallApi = <T>(method: string, path: string, body?: object) => Promise<T>;

/** One request to the HTTP API over its Unix socket. */
function requestText(socketPath: string, method: string, path: string, body?: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request({ socketPath, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode >= 200 && statusCode < 300) resolve(text);
        else reject(new Error(`${method} ${path}: ${statusCode}: ${text}`));
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The operations that all routers have. */
function commands(api: CallApi, process_: RunningProcess) {
  const post = (action: string, body: object) => async (address: string) =>
    void (await api('POST', `/api/v1/peers/${address}/${action}`, body));
  return {
    async neighbour(address: string): Promise<NeighbourView> {
      const peer = await api<{ state: string }>('GET', `/api/v1/peers/${address}`);
      const { state } = peer;
      return {
        established: state === 'Established',
        state,
        text: JSON.stringify(peer, undefined, 1) + process_.output(),
      };
    },
    refreshIn: post('reset', { kind: 'in' }),
    refreshOut: post('reset', { kind: 'out' }),
    shutDown: (address: string, message: string) => post('disable', { message })(address),
    enable: post('enable', {}),
  };
}

/** Starling, with its API. */
export interface StarlingRouter extends Router {
  /** Asks the HTTP API over its Unix socket; throws where the answer is not 2xx. */
  api<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T>;
  /** A metric without labels; undefined where there is none. */
  metric(name: string): Promise<number | undefined>;
  /** Replaces the resources in the datastore's directory. */
  apply(resources: readonly object[]): void;
}

/** Starts starlingd with resources made from `config`. */
export async function startStarling(config: RouterConfig, place: RouterPlace): Promise<StarlingRouter> {
  const scratch = createScratch('starling');
  const resources = `${scratch.path}/resources`;
  mkdirSync(resources);
  const socket = `${scratch.path}/api.sock`;
  const apply = (all: readonly object[]) =>
    void scratch.write('resources/all.yaml', all.map((one) => stringify(one)).join('---\n'));
  apply(starlingResources(config));
  const file = scratch.write(
    'starlingd.yaml',
    stringify({
      nodeName: NODE,
      datastore: { type: 'file', file: { path: resources }, cache: `${scratch.path}/cache` },
      fib: { enabled: config.kernel === true },
      api: { socket, http: '' },
    }),
  );
  const process_ = start(['node', STARLINGD, '--config', file], {
    name: 'starlingd',
    space: place.namespace,
    cpu: place.cpu,
  });
  const api = async <T>(method: string, path: string, body?: object) =>
    JSON.parse(await requestText(socket, method, path, body)) as T;
  const metric = async (name: string) => {
    const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(await requestText(socket, 'GET', '/metrics')) ?? [];
    return value === undefined ? undefined : Number(value);
  };
  await waitUntilReady(process_, () => api('GET', '/api/v1/status'));
  return {
    kind: 'starling',
    process: process_,
    freeze: process_.freeze,
    thaw: process_.thaw,
    api,
    metric,
    apply,
    ...commands(api, process_),
    async [Symbol.asyncDispose]() {
      await process_.stop();
      scratch[Symbol.dispose]();
    },
  };
}

/** The etcd datastore under test: where its objects lie, and how fast it notices things. */
import { EtcdDatastore } from '../../src/datastore/etcd/etcd-datastore.ts';
import type { EtcdOptions, EtcdTuning } from '../../src/datastore/etcd/etcd-datastore.ts';
import { DatastoreRecorder } from '../support/datastore-recorder.ts';
import type { Etcd } from '../support/etcd.ts';
import { waitFor } from '../support/wait-for.ts';

export const NODE = 'node-1';

export const peerKey = (name: string) => `/calico/resources/v3/projectcalico.org/bgppeers/${name}`;
export const nodeKey = (name: string) => `/calico/resources/v3/projectcalico.org/nodes/${name}`;

export const peer = (name: string, asNumber: number | string = 64_513) => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'BGPPeer',
  metadata: { name },
  spec: { peerIP: '192.0.2.1', asNumber },
});

/** Deletes all of Calico's objects. */
export async function emptyEtcd(etcd: Etcd): Promise<void> {
  const [key, rangeEnd] = ['/calico/', '/calico0'].map((text) => Buffer.from(text).toString('base64'));
  await etcd.ask('/v3/kv/deleterange', { key, range_end: rangeEnd });
}

/** A tenth of the real times. */
const TUNING: Partial<EtcdTuning> = {
  keepaliveTime: 500,
  keepaliveTimeout: 500,
  requestTimeout: 1500,
  checkInterval: 500,
};

/** A datastore that runs, and what it said. */
export interface Running extends AsyncDisposable {
  readonly datastore: EtcdDatastore;
  readonly recorder: DatastoreRecorder;
  /** Waits until it is in this state. */
  reach(state: 'synced' | 'away'): Promise<void>;
  /** Waits until the peers are these, as `name AS`. */
  hasPeers(...peers: readonly string[]): Promise<void>;
}

export function run(
  options: Omit<EtcdOptions, 'nodeName' | 'purpose'> & { readonly purpose?: EtcdOptions['purpose'] },
  tuning: Partial<EtcdTuning> = {},
): Running {
  const datastore = new EtcdDatastore({ purpose: 'routing', ...options, nodeName: NODE }, { ...TUNING, ...tuning });
  const recorder = new DatastoreRecorder();
  datastore.start(recorder);
  return {
    datastore,
    recorder,
    async reach(state) {
      await waitFor(() => datastore.status, {
        what: `the datastore to be ${state}`,
        accept: (status) => status.state === state,
        timeoutMs: 20_000,
      });
    },
    async hasPeers(...peers) {
      const wanted = peers.join();
      const accept = (seen: readonly string[]) => seen.join() === wanted;
      await waitFor(() => recorder.peers, { what: `the peers ${wanted}`, accept, timeoutMs: 20_000 });
    },
    [Symbol.asyncDispose]: () => datastore.stop(),
  };
}

/** Runs one, and waits until it has read everything. */
export async function runSynced(...args: Parameters<typeof run>): Promise<Running> {
  const running = run(...args);
  await running.reach('synced');
  await waitFor(() => running.recorder.snapshots, { what: 'the snapshot' });
  return running;
}

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HostState } from '../bootstrap/own-node.ts';
import type { DatastoreWriter, NodePatch } from '../datastore/datastore.ts';
import { applyChanges, clusterView } from '../resources/cluster-view.ts';
import type { Change } from '../resources/cluster-view.ts';
import type { Node } from '../resources/kinds/node.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { loadConfig } from '../process/config.ts';
import { OwnNode, ownNodeSettings } from './own-node.ts';

function nodeOf(name: string, bgp: object): Node {
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name }, spec: { bgp } });
  if (!parsed.ok || parsed.resource.kind !== 'Node') throw new Error('not a Node');
  return parsed.resource;
}

/** A node `node-1` with these settings and an interface, and what it tells and writes. */
function start(environment: Record<string, string>) {
  const etcd = { DATASTORE_TYPE: 'etcd', ETCD_ENDPOINTS: 'http://127.0.0.1:1', NODENAME: 'node-1' };
  const config = loadConfig({ environment: { ...etcd, ...environment }, hostName: 'here' });
  const seen = {
    view: clusterView([]),
    calls: 0,
    addresses: ['10.0.0.1'],
    patches: [] as NodePatch[],
    words: [] as string[],
    failure: undefined as Error | undefined,
  };
  const look = (): Promise<HostState> => {
    const addresses = seen.addresses.map((address) => ({ address, family: 0 as const, prefixLength: 24 }));
    const interfaces = [{ name: 'eth0', index: 2, up: true, addresses }];
    return Promise.resolve({ at: Date.now(), interfaces, sourceAddresses: [undefined, undefined] });
  };
  const writer: DatastoreWriter = {
    patchNode: (_name, patch) => {
      if (seen.failure !== undefined) return Promise.reject(seen.failure);
      seen.patches.push(patch);
      return Promise.resolve();
    },
    writeNodeStatus: () => Promise.resolve(),
  };
  const own = new OwnNode({
    settings: ownNodeSettings(config),
    listener: {
      snapshot: (resources) => (seen.view = clusterView(resources)),
      changes: (changes: readonly Change[]) => {
        seen.calls++;
        seen.view = applyChanges(seen.view, changes);
      },
    },
    view: () => seen.view,
    writer: () => writer,
    look,
    troubled: (words) => seen.words.push(words),
    written: (words) => seen.words.push(words),
  });
  const addressOf = () => seen.view.get('Node', 'node-1')?.spec.bgp.ipv4Address;
  return { own, seen, addressOf };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('the own Node between datastore and daemon', () => {
  it('passes everything on where nothing is set', async () => {
    const { own, seen, addressOf } = start({});
    await own.start();
    own.snapshot([nodeOf('node-1', { ipv4Address: '10.0.0.9/24' })], []);
    expect(addressOf()).toBe('10.0.0.9/24');
    own.changes([{ type: 'delete', kind: 'Node', name: 'node-1' }], []);
    expect(addressOf()).toBeUndefined();
    expect(seen.patches).toEqual([]);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(seen.calls).toBe(1);
    await own.stop();
  });

  it('has the address that was found from the snapshot on, and writes it once', async () => {
    const { own, seen, addressOf } = start({ IP: 'autodetect', AS: '65001', STARLING_PUBLISH_NODE: 'true' });
    await own.start();
    own.snapshot([], []);
    expect(addressOf()).toBe('10.0.0.1/24');
    await vi.advanceTimersByTimeAsync(0);
    expect(seen.patches).toEqual([{ ipv4Address: '10.0.0.1/24', asNumber: 65_001 }]);
    // What was written comes back, and changes nothing.
    own.changes([{ type: 'upsert', resource: nodeOf('node-1', { ipv4Address: '10.0.0.1/24', asNumber: 65_001 }) }], []);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.patches).toHaveLength(1);
    expect(seen.words).toEqual(['The Node "node-1" is written: ipv4Address 10.0.0.1/24, asNumber 65001.']);
    await own.stop();
  });

  it('says why no address is found once the Node is known, and looks again soon', async () => {
    const { own, seen, addressOf } = start({ IP: 'autodetect' });
    seen.addresses = [];
    await own.start();
    expect(seen.words).toEqual([]);
    own.snapshot([nodeOf('node-1', { asNumber: 65_001 })], []);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(seen.words).toEqual([expect.stringMatching(/^No IPv4 address was found for this node by first-found/)]);
    seen.addresses = ['10.0.0.1'];
    await vi.advanceTimersByTimeAsync(5_000);
    expect(addressOf()).toBe('10.0.0.1/24');
    expect(own.problems).toEqual([]);
    await own.stop();
  });

  it('takes another address once two looks have missed the first', async () => {
    const { own, seen, addressOf } = start({ IP: 'autodetect' });
    await own.start();
    own.snapshot([], []);
    await vi.advanceTimersByTimeAsync(5_000);
    seen.addresses = ['10.0.0.2'];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(addressOf()).toBe('10.0.0.1/24');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(addressOf()).toBe('10.0.0.2/24');
    expect(seen.calls).toBe(1);
    await own.stop();
  });

  it('says why the Node is not written, once, and tries again', async () => {
    const { own, seen } = start({ IP: 'autodetect', STARLING_PUBLISH_NODE: 'true' });
    seen.failure = new Error('etcd is away');
    await own.start();
    own.snapshot([], []);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(own.problems).toEqual(['The Node "node-1" is not written: etcd is away.']);
    expect(seen.words).toEqual(own.problems);
    seen.failure = undefined;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(seen.patches).toEqual([{ ipv4Address: '10.0.0.1/24' }]);
    expect(own.problems).toEqual([]);
    await own.stop();
  });

  it('does not write an address that another Node has, until that is gone', async () => {
    const { own, seen, addressOf } = start({ IP: 'autodetect', STARLING_PUBLISH_NODE: 'true' });
    await own.start();
    own.snapshot([nodeOf('old-name', { ipv4Address: '10.0.0.1/24' })], []);
    await vi.advanceTimersByTimeAsync(0);
    expect(addressOf()).toBe('10.0.0.1/24');
    expect(seen.patches).toEqual([]);
    expect(own.problems[0]).toMatch(/^Node "old-name" has the address 10\.0\.0\.1 of this node/);
    own.changes([{ type: 'delete', kind: 'Node', name: 'old-name' }], []);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(seen.patches).toHaveLength(1);
    expect(own.problems).toEqual([]);
    await own.stop();
  });
});

import { describe, expect, it } from 'vitest';
import { clusterView } from '../resources/cluster-view.ts';
import type { Node } from '../resources/kinds/node.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { overlaidNode, withOwnNode } from './node-overlay.ts';
import { NO_STATE, checkOwnNode, concernsNode, differences, publication, takeNode } from './own-node.ts';
import type { HostState, OwnNodeSettings, OwnNodeState } from './own-node.ts';

const FIRST_FOUND = { kind: 'first-found' } as const;
const SETTINGS: OwnNodeSettings = {
  nodeName: 'node-1',
  ip: '',
  ip6: '',
  methods: [FIRST_FOUND, FIRST_FOUND],
  asNumber: undefined,
  publishNode: false,
  disableNodeIpCheck: false,
};

/** Each look is a minute after the one before. */
let minutes = 0;

function host(...addresses: string[]): HostState {
  const listed = addresses.map((address) => ({ address, family: 0 as const, prefixLength: 24 }));
  return {
    interfaces: [{ name: 'eth0', index: 2, up: true, addresses: listed }],
    sourceAddresses: [undefined, undefined],
    at: ++minutes * 60_000,
  };
}

function nodeOf(name: string, bgp: object): Node {
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name }, spec: { bgp } });
  if (!parsed.ok || parsed.resource.kind !== 'Node') throw new Error('not a Node');
  return parsed.resource;
}

const check = (settings: Partial<OwnNodeSettings>, at: HostState, node?: Node, before: OwnNodeState = NO_STATE) =>
  checkOwnNode(before, { ...SETTINGS, ...settings }, at, node);

describe('who this node is', () => {
  it('is what its Node says where nothing is set', () => {
    expect(concernsNode({ ...SETTINGS, ip: 'none' })).toBe(false);
    expect(check({ ip: 'none' }, host('10.0.0.1'), nodeOf('node-1', {})).overlay).toEqual({});
    expect(check({}, host('10.0.0.1'), nodeOf('node-1', {})).overlay).toEqual({});
  });

  it('is what is found for a Node without address where the daemon writes it', () => {
    const published = { publishNode: true };
    expect(check(published, host('10.0.0.1')).overlay).toEqual({ ipv4Address: '10.0.0.1/24' });
    expect(check(published, host('10.0.0.1'), nodeOf('node-1', { ipv4Address: '10.0.0.9/24' })).overlay).toEqual({});
  });

  it('takes an address that is given, with the length of the subnet of its interface', () => {
    expect(check({ ip: '10.0.0.1', asNumber: 65_001 }, host('10.0.0.1'))).toMatchObject({
      overlay: { ipv4Address: '10.0.0.1/24', asNumber: 65_001 },
      problems: [],
    });
    expect(check({ ip: '10.0.0.1/16' }, host('10.0.0.1')).overlay).toEqual({ ipv4Address: '10.0.0.1/16' });
    expect(check({ ip: '10.0.0.5', ip6: 'fd00::1/64' }, host('10.0.0.1'))).toMatchObject({
      overlay: { ipv4Address: '10.0.0.5/32', ipv6Address: 'fd00::1/64' },
      problems: [
        'The address 10.0.0.5, which the setting ip gives this node, is on none of its interfaces.',
        'The address fd00::1, which the setting ip6 gives this node, is on none of its interfaces.',
      ],
    });
  });

  it('keeps the length of a given address while its interface is away', () => {
    const settings = { ip: '10.0.0.1' };
    const up = check(settings, host('10.0.0.1'));
    expect(up.isComplete).toBe(true);
    const down = check(settings, host(), undefined, up);
    expect(down).toMatchObject({ overlay: up.overlay, isComplete: false });
    expect(check(settings, host(), nodeOf('node-1', { ipv4Address: '10.0.0.1/16' })).overlay).toEqual({
      ipv4Address: '10.0.0.1/16',
    });
  });

  it('keeps an address that was found until two looks have missed it', () => {
    const settings = { ip: 'autodetect' };
    const first = check(settings, host('10.0.0.1'));
    const another = check(settings, host('10.0.0.7', '10.0.0.1'), undefined, first);
    expect(another.overlay.ipv4Address).toBe('10.0.0.1/24');
    const missed = check(settings, host('10.0.0.7'), undefined, another);
    const missedAt = minutes * 60_000;
    expect(missed.overlay.ipv4Address).toBe('10.0.0.1/24');
    expect(check(settings, host('10.0.0.1'), undefined, missed)).toEqual(first);
    const soon = { ...host('10.0.0.7'), at: missedAt + 10_000 };
    expect(check(settings, soon, undefined, missed).overlay).toEqual(missed.overlay);
    expect(check(settings, host('10.0.0.7'), undefined, missed).overlay.ipv4Address).toBe('10.0.0.7/24');
  });

  it('takes an address that is gone from its Node, and no other', () => {
    const settings = { ip: 'autodetect', publishNode: true };
    const node = nodeOf('node-1', { ipv4Address: '10.0.0.1/24' });
    let state = check(settings, host('10.0.0.1'), node);
    for (let looks = 0; looks < 2; looks++) state = check(settings, host(), node, state);
    expect(state).toMatchObject({
      overlay: { ipv4Address: null },
      problems: ['No IPv4 address was found for this node by first-found: no interface that is up and counts has one.'],
    });
    expect(takeNode(state, { ...SETTINGS, ...settings }, host(), nodeOf('node-1', {})).overlay.ipv4Address).toBeNull();
    const other = nodeOf('node-1', { ipv4Address: '10.0.0.2/24' });
    expect(check(settings, host(), other)).toMatchObject({
      overlay: {},
      problems: [expect.stringContaining('has one; 10.0.0.2/24, which the Node says, stays in force.')],
    });
  });

  it('does not count a change of the Node as a look', () => {
    const settings = { ...SETTINGS, ip: 'autodetect' };
    let state = check(settings, host('10.0.0.1'));
    for (let i = 0; i < 3; i++) state = takeNode(state, settings, host(), nodeOf('node-1', {}));
    expect(state.overlay.ipv4Address).toBe('10.0.0.1/24');
  });

  it('says where others go by something else', () => {
    const node = nodeOf('node-1', { ipv4Address: '10.0.0.9/24', asNumber: 65_001 });
    expect(check({ ip: '10.0.0.1', asNumber: 65_001 }, host('10.0.0.1'), node).problems).toEqual([
      'This node uses ipv4Address 10.0.0.1/24, but its Node says 10.0.0.9/24, which is what other nodes go by: correct one of them, or set publishNode.',
    ]);
    expect(check({ ip: '10.0.0.1', publishNode: true }, host('10.0.0.1'), node).problems).toEqual([]);
  });
});

describe('what is written to the Node', () => {
  const settings = { ...SETTINGS, publishNode: true };
  const overlay = { ipv4Address: '10.0.0.1/24', asNumber: 65_001 };

  it('is what it does not say yet', () => {
    expect(publication(settings, overlay, undefined, []).patch).toEqual(overlay);
    expect(publication(settings, overlay, nodeOf('node-1', { asNumber: 65_001 }), []).patch).toEqual({
      ipv4Address: '10.0.0.1/24',
    });
    expect(publication(settings, overlay, nodeOf('node-1', overlay), []).patch).toEqual({});
    expect(publication(SETTINGS, overlay, undefined, []).patch).toEqual({});
    expect(differences({ ipv4Address: null }, nodeOf('node-1', {}))).toEqual({});
  });

  it('is no address that another Node has', () => {
    const nodes = [nodeOf('node-1', {}), nodeOf('node-2', { ipv4Address: '10.0.0.1/16' })];
    const { patch, problems } = publication(settings, overlay, undefined, nodes);
    expect(patch).toEqual({ asNumber: 65_001 });
    expect(problems).toEqual([
      'Node "node-2" has the address 10.0.0.1 of this node, which is therefore not written to the Node "node-1": delete or correct one of them, or set disableNodeIpCheck.',
    ]);
    expect(publication(settings, overlay, nodeOf('node-1', overlay), nodes)).toEqual({
      patch: {},
      problems: ['Node "node-2" has the address 10.0.0.1 of this node: delete or correct one of them.'],
    });
    expect(publication({ ...settings, disableNodeIpCheck: true }, overlay, undefined, nodes)).toEqual({
      patch: overlay,
      problems: [],
    });
  });
});

describe('the Node as it counts here', () => {
  it('has what is different in place of its own, and the rest as it is', () => {
    const node = nodeOf('node-1', { ipv4Address: '10.0.0.9/24', routeReflectorClusterID: '1.2.3.4' });
    expect(overlaidNode(node, 'node-1', {})).toBe(node);
    expect(overlaidNode(node, 'node-1', { ipv4Address: null, asNumber: 65_001 })?.spec.bgp).toEqual({
      asNumber: 65_001,
      routeReflectorClusterID: '1.2.3.4',
    });
  });

  it('is there although the datastore has none', () => {
    const view = withOwnNode(clusterView([]), 'node-1', { ipv4Address: '10.0.0.1/24' });
    expect(view.get('Node', 'node-1')).toEqual(nodeOf('node-1', { ipv4Address: '10.0.0.1/24' }));
    expect(overlaidNode(undefined, 'node-1', { ipv4Address: null })).toBeUndefined();
    expect(withOwnNode(clusterView([]), 'node-1', {}).list('Node')).toEqual([]);
  });
});

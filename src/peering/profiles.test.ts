import { describe, expect, it } from 'vitest';
import {
  NO_MESH,
  bgpPeer,
  keysOf,
  node,
  passwordAt,
  peerProfile,
  peeringOf,
  secret,
} from '../../test/support/peering-cluster.ts';
import type { Fields } from '../../test/support/peering-cluster.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';

const dual = (n: number, labels: Readonly<Record<string, string>> = {}) =>
  node(`n${n}`, { ipv4Address: `192.0.2.${n}/24`, ipv6Address: `2001:db8::${n}/64` }, labels);
const N1 = dual(1, { rack: 'a' });
const N2 = dual(2, { rack: 'a' });
const N3 = dual(3, { rack: 'b' });
const N4 = dual(4);
const TOR = bgpPeer('tor', { peerIP: '192.0.2.254', asNumber: 65000 }, { kind: 'tor' });

/** What a profile makes of the neighbour of a BGPPeer. */
function torWith(profile: Fields, peerSpec: Fields = {}) {
  const tor = bgpPeer('tor', { peerIP: '192.0.2.254', asNumber: 65000, ...peerSpec });
  return peeringOf([N1, NO_MESH, tor, peerProfile('p', profile), secret({ now: 'old', next: 'new' })]).neighbours[0];
}

describe('a PeerProfile', () => {
  it.each<[string, Fields, Fields]>([
    ['a hold time', { holdTime: '9s' }, { holdTime: 9 }],
    ['no hold time', { holdTime: '0s' }, { holdTime: 0 }],
    ['a keepalive time', { keepaliveTime: '60s' }, { keepaliveTime: 60, holdTime: 180 }],
    ['both', { holdTime: '30s', keepaliveTime: '5s' }, { keepaliveTime: 5, holdTime: 30 }],
    ['a time between attempts to connect', { connectRetryTime: '5s' }, { connectRetryTime: 5 }],
    ['waiting', { passive: true }, { passive: true }],
    ['ADD-PATH to send', { addPaths: 'Send' }, { addPaths: { send: true, receive: false } }],
    ['ADD-PATH to receive', { addPaths: 'Receive' }, { addPaths: { send: false, receive: true } }],
    ['no ADD-PATH', { addPaths: 'Disabled' }, { addPaths: { send: false, receive: false } }],
    ['a restart time', { gracefulRestart: { restartTime: '5m' } }, { restartTime: 300, gracefulRestartMode: 'full' }],
    ['helping only', { gracefulRestart: { mode: 'Helper' } }, { gracefulRestartMode: 'helper', restartTime: 120 }],
    ['no graceful restart', { gracefulRestart: { mode: 'Disabled' } }, { gracefulRestartMode: 'off' }],
    ['one family', { families: ['IPv6Unicast'] }, { families: [IPV6_UNICAST] }],
    ['the scale of LOCAL_PREF', { localPreference: 'Metric' }, { localPreference: 'metric' }],
  ])('can bring %s', (_what, spec, expected) => {
    expect(torWith(spec)).toMatchObject({ ...expected, profile: 'p' });
  });

  it('is named in the reason', () => {
    expect(torWith({}).reason).toBe(
      'BGPPeer "tor" makes every node peer with 192.0.2.254 (AS 65000, eBGP). PeerProfile "p" applies.',
    );
  });

  it('counts less than what the BGPPeer says itself', () => {
    const profile = { keepaliveTime: '5s', gracefulRestart: { restartTime: '5m' } };
    expect(torWith(profile, { keepaliveTime: '10s', maxRestartTime: '1m' })).toMatchObject({
      keepaliveTime: 10,
      restartTime: 60,
    });
  });

  it.each<[string, string, readonly string[]]>([
    ['type mesh', 'peer.starling.dev/type == "mesh"', ['n2', 'n3']],
    ['type global', 'peer.starling.dev/type == "global"', ['BGPPeer tor']],
    ['the name of a BGPPeer', 'peer.starling.dev/name == "tor"', ['BGPPeer tor']],
    ['the name of a node', 'peer.starling.dev/name == "n3"', ['n3']],
    ['an address', 'peer.starling.dev/address == "192.0.2.254"', ['BGPPeer tor']],
    ['an AS', 'peer.starling.dev/as == "64512"', ['n2', 'n3']],
    ['a label of the BGPPeer', 'kind == "tor"', ['BGPPeer tor']],
    ['nothing', 'all()', ['BGPPeer tor', 'n2', 'n3']],
  ])('picks peerings by %s', (_what, peerSelector, expected) => {
    const { neighbours } = peeringOf([N1, N2, N3, TOR, peerProfile('p', { peerSelector })]);
    const picked = neighbours.filter(({ profile }) => profile === 'p');
    const names = picked.map(({ type, nodeName, source }) => (type === 'mesh' ? nodeName : source));
    expect([...new Set(names)]).toEqual(expected);
  });

  it('applies as a whole if it is the first by name, and is reported if it never is', () => {
    const profiles = [
      peerProfile('b', { holdTime: '30s', connectRetryTime: '5s' }),
      peerProfile('a', { peerSelector: 'kind == "tor"', holdTime: '9s' }),
      peerProfile('c', { holdTime: '60s' }),
    ];
    const { neighbours, problems } = peeringOf([N1, N2, TOR, ...profiles]);
    expect(neighbours).toMatchObject([
      { profile: 'a', holdTime: 9 },
      { profile: 'b', holdTime: 30 },
      { profile: 'b', connectRetryTime: 5 },
    ]);
    expect(neighbours[0]).not.toHaveProperty('connectRetryTime');
    expect(problems).toEqual([
      {
        resource: 'PeerProfile c',
        field: 'peerSelector',
        message:
          'Every peering of this node that it picks is picked by a profile before it by name as well, such as "b", so it has no effect. Rename it, or have it pick others.',
      },
    ]);
  });

  it('leaves out sessions that would carry no family', () => {
    const profile = peerProfile('p', { families: ['IPv4Unicast'] });
    expect(peeringOf([N1, N2, profile]).neighbours).toMatchObject([{ key: '192.0.2.2', families: [IPV4_UNICAST] }]);
  });

  it('has no say in who connects between nodes', () => {
    const { neighbours, problems } = peeringOf([N1, N2, peerProfile('p', { passive: false })]);
    expect(neighbours.map(({ passive }) => passive)).toEqual([true, true]);
    expect(problems).toMatchObject([{ resource: 'PeerProfile p', field: 'passive' }]);
    const named = [
      N1,
      N2,
      NO_MESH,
      ...[1, 2].map((n) => bgpPeer(`to${n}`, { node: `n${3 - n}`, peerIP: `192.0.2.${n}`, asNumber: 64512 })),
    ];
    expect(peeringOf([...named, peerProfile('p', { passive: true })]).neighbours).toMatchObject([{ passive: false }]);
  });
});

describe('the next password', () => {
  const authentication = { nextPassword: passwordAt('next') };

  it('is accepted beside the present one', () => {
    expect(torWith({ authentication }, { password: passwordAt('now') })).toMatchObject({
      password: { kind: 'known', value: 'old' },
      nextPassword: 'new',
    });
  });

  it.each<[string, string, Fields, string]>([
    [
      'it is not known',
      'missing',
      { password: passwordAt('now') },
      'The next password of PeerProfile "p" is not known. Secret "bgp" in namespace "kube-system" has no key "missing". Add it.',
    ],
    [
      'there is no present one',
      'next',
      {},
      'The next password of PeerProfile "p" is left aside, because there is no present one.',
    ],
  ])('changes nothing but words where %s', (_what, key, peerSpec, words) => {
    const neighbour = torWith({ authentication: { nextPassword: passwordAt(key) } }, peerSpec);
    expect(neighbour).not.toHaveProperty('nextPassword');
    expect(neighbour).not.toHaveProperty('heldDown');
    expect(neighbour.reason).toContain(words);
  });
});

describe('topologyKey', () => {
  const RACKS = peerProfile('racks', { topologyKey: 'rack' });
  const NODES = [N1, N2, N3, N4];

  it('leaves nodes elsewhere out of the mesh', () => {
    expect(keysOf([...NODES, RACKS])).toEqual(['192.0.2.2', '2001:db8::2']);
    expect(keysOf([...NODES, RACKS], 'n3')).toEqual([]);
  });

  it('leaves nodes elsewhere out of a peerSelector, and out of peering back', () => {
    const peer = bgpPeer('x', { peerSelector: 'rack in {"a", "b"}' });
    const resources = [...NODES, NO_MESH, peer, RACKS];
    expect(keysOf(resources)).toEqual(['192.0.2.2', '2001:db8::2']);
    expect(keysOf(resources, 'n3')).toEqual([]);
  });

  it('means nothing for neighbours that are named by address', () => {
    const named = bgpPeer('x', { node: 'n1', peerIP: '192.0.2.3', asNumber: 64512 });
    expect(keysOf([...NODES, NO_MESH, TOR, named, RACKS])).toEqual(['192.0.2.254', '192.0.2.3']);
    expect(keysOf([...NODES, NO_MESH, TOR, named, RACKS], 'n3')).toEqual(['192.0.2.254', '192.0.2.1']);
  });

  it('has a node without the label peer with nobody, and says so', () => {
    const { neighbours, problems } = peeringOf([...NODES, RACKS], 'n4');
    expect(neighbours).toEqual([]);
    expect(problems).toEqual([
      {
        resource: 'PeerProfile racks',
        field: 'topologyKey',
        message: 'Node "n4" has no label rack, so it peers with no other node by this profile. Label it.',
      },
    ]);
  });
});

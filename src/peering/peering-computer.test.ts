import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_MESH, bgpPeer, node, passwordAt, peerProfile, secret } from '../../test/support/peering-cluster.ts';
import { bgpConfiguration } from '../../test/support/peering-cluster.ts';
import type { Fields, LabelMap } from '../../test/support/peering-cluster.ts';
import { applyChanges, clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import type { Neighbour } from './neighbour.ts';
import { neighbours } from './neighbours.ts';
import { PeeringComputer } from './peering-computer.ts';

const identity = (name: string) => ({ name, namespace: 'kube-system' });

describe('peering worked out again', () => {
  const nodes = ['n1', 'n2', 'n3'].map((name, i) => node(name, { ipv4Address: `192.0.2.${i + 1}/24` }));
  const tor = (spec: Fields = {}) => bgpPeer('tor', { peerIP: '192.0.2.254', asNumber: 65000, ...spec });
  const start = clusterView([...nodes, tor()]);
  const after = (...changed: readonly AnyResource[]) => {
    const computer = new PeeringComputer();
    const before = computer.compute(start, identity('n1'));
    const view = applyChanges(
      start,
      changed.map((resource) => ({ type: 'upsert', resource })),
    );
    return { before, now: computer.compute(view, identity('n1')) };
  };

  it.each<[string, AnyResource]>([
    ['a kind that peering does not read', secret({ unused: 'x' })],
    ['a label of another node that no selector is about', node('n2', { ipv4Address: '192.0.2.2/24' }, { x: 'y' })],
    ['a label of this node that no selector is about', node('n1', { ipv4Address: '192.0.2.1/24' }, { x: 'y' })],
    ['a BGPPeer for another node', bgpPeer('other', { node: 'n2', peerIP: '192.0.2.253', asNumber: 65000 })],
    ['a node that is no neighbour', node('rr', { ipv4Address: '192.0.2.9/24', routeReflectorClusterID: '10.0.0.1' })],
    ['a PeerProfile that picks nothing', peerProfile('p', { peerSelector: 'has(nothing)' })],
    ['a setting that peering does not read', bgpConfiguration({ logSeverityScreen: 'Debug' })],
  ])('is the same object after a change of %s', (_what, resource) => {
    const { before, now } = after(resource);
    expect(now).toBe(before);
  });

  it('has the same objects for the neighbours that a change is not about', () => {
    const { before, now } = after(node('n3', { ipv4Address: '192.0.2.33/24' }), tor({ filters: ['f'] }));
    expect(now.neighbours.map(({ key }) => key)).toEqual(['192.0.2.254', '192.0.2.2', '192.0.2.33']);
    expect(now.neighbours[1]).toBe(before.neighbours[1]);
    expect(now.neighbours[0].filters).toEqual(['f']);
  });

  it('follows a node that goes, and one that takes over its address', () => {
    const computer = new PeeringComputer();
    const peer = bgpPeer('x', { peerIP: '192.0.2.2', asNumber: 64512 });
    let view = clusterView([...nodes, NO_MESH, peer]);
    const nodeName = () => computer.compute(view, identity('n1')).neighbours[0].nodeName;
    expect(nodeName()).toBe('n2');
    view = applyChanges(view, [{ type: 'delete', kind: 'Node', name: 'n2' }]);
    expect(nodeName()).toBeUndefined();
    view = applyChanges(view, [{ type: 'upsert', resource: node('n3', { ipv4Address: '192.0.2.2/24' }) }]);
    expect(nodeName()).toBe('n3');
  });
});

/** Clusters of a few nodes with overlapping racks, addresses of one or both families, and BGPPeers of all sorts. */
const NAMES = ['n1', 'n2', 'n3', 'n4'];
const labels = fc.record({ rack: fc.constantFrom('a', 'b') }, { requiredKeys: [] });
const selector = fc.constantFrom('all()', 'rack == "a"', 'rack == "b"', 'has(rack)', '!has(rack)');

function clusterNode(name: string): fc.Arbitrary<AnyResource> {
  const index = NAMES.indexOf(name) + 1;
  // As text some of these compare otherwise than as numbers.
  const host = index * 7;
  return fc
    .record({
      families: fc.constantFrom('4', '6', '46', ''),
      asNumber: fc.constantFrom(undefined, 65001, 65002),
      reflector: fc.constantFrom(undefined, undefined, '10.0.0.1', '10.0.0.2'),
      labels,
    })
    .map(({ families, asNumber, reflector, labels: own }) =>
      node(
        name,
        {
          ...(families.includes('4') && { ipv4Address: `192.0.2.${host}/24` }),
          ...(families.includes('6') && { ipv6Address: `2001:db8::${host.toString(16)}/64` }),
          ...(asNumber !== undefined && { asNumber }),
          ...(reflector !== undefined && { routeReflectorClusterID: reflector }),
        },
        own as LabelMap,
      ),
    );
}

const cluster = fc.tuple(...NAMES.map(clusterNode));

const about = fc.oneof(
  fc.constant({}),
  fc.constantFrom(...NAMES).map((name) => ({ node: name })),
  selector.map((nodeSelector) => ({ nodeSelector })),
);

const nodePeer = fc
  .tuple(about, selector, fc.constantFrom(undefined, 65100))
  .map(([who, peerSelector, localASNumber]) => ({
    ...who,
    peerSelector,
    ...(localASNumber !== undefined && { localASNumber }),
  }));

const anyPeer = fc.oneof(
  nodePeer,
  fc
    .tuple(about, fc.constantFrom(7, 14, 99))
    .map(([who, host]) => ({ ...who, peerIP: `192.0.2.${host}`, asNumber: 64512 })),
  about.map((who) => ({ ...who, peerIP: '192.0.2.7:1179', asNumber: 65001, password: passwordAt('x') })),
);

const settings = fc
  .record({ nodeToNodeMeshEnabled: fc.boolean(), listenPort: fc.constantFrom(undefined, 1179) })
  .map(({ nodeToNodeMeshEnabled, listenPort }) =>
    bgpConfiguration({ nodeToNodeMeshEnabled, ...(listenPort !== undefined && { listenPort }) }),
  );

const profile = fc
  .record(
    {
      peerSelector: fc.constantFrom('all()', 'peer.starling.dev/type == "mesh"', 'peer.starling.dev/name == "p0"'),
      topologyKey: fc.constant('rack'),
      families: fc.constantFrom(['IPv4Unicast'], ['IPv6Unicast'], ['IPv4Unicast', 'IPv6Unicast']),
      passive: fc.boolean(),
    },
    { requiredKeys: ['peerSelector'] },
  )
  .map((spec) => peerProfile('profile', spec));

const extras = fc
  .tuple(settings, fc.option(profile, { nil: undefined }))
  .map((all) => all.filter((one) => one !== undefined));

function withPeers(peer: fc.Arbitrary<Fields>, maxLength: number): fc.Arbitrary<AnyResource[]> {
  const peers = fc.array(peer, { maxLength }).map((specs) => specs.map((spec, i) => bgpPeer(`p${i}`, spec)));
  return fc.tuple(cluster, peers, extras).map((parts) => parts.flat());
}

describe('the neighbours of all nodes', () => {
  it('do not depend on the order in which resources come', () => {
    fc.assert(
      fc.property(
        withPeers(anyPeer, 4).chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        ([all, shuffled]) => {
          for (const name of NAMES) {
            expect(neighbours(clusterView(shuffled), identity(name))).toEqual(
              neighbours(clusterView(all), identity(name)),
            );
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('do not depend on what was there before', () => {
    fc.assert(
      fc.property(fc.array(withPeers(anyPeer, 4), { minLength: 2, maxLength: 4 }), (moments) => {
        const computer = new PeeringComputer();
        for (const moment of moments) {
          const view = clusterView(moment);
          expect(computer.compute(view, identity('n1'))).toEqual(neighbours(view, identity('n1')));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('do not depend on the changes that led there', () => {
    fc.assert(
      fc.property(
        withPeers(anyPeer, 3),
        fc.array(
          fc.oneof(
            ...NAMES.map(clusterNode),
            anyPeer.map((spec) => bgpPeer('p1', spec)),
            settings,
            profile,
          ),
          { maxLength: 8 },
        ),
        (all, changes) => {
          const computer = new PeeringComputer();
          let view = clusterView(all);
          for (const resource of changes) {
            computer.compute(view, identity('n1'));
            view = applyChanges(view, [{ type: 'upsert', resource }]);
          }
          const kept = computer.compute(view, identity('n1'));
          expect(kept).toEqual(neighbours(view, identity('n1')));
          expect(computer.compute(view, identity('n1'))).toBe(kept);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('mirror each other in the mesh and where nodes peer back', () => {
    fc.assert(
      fc.property(withPeers(nodePeer, 1), (all) => {
        const view = clusterView(all);
        const peerings = new Map(NAMES.map((name) => [name, neighbours(view, identity(name))]));
        for (const [name, { self, neighbours: own }] of peerings) {
          for (const here of own) {
            const other = peerings.get(here.nodeName ?? '');
            const there = other?.neighbours.find(
              ({ nodeName, address }) => nodeName === name && sameVersion(address, here.address),
            );
            expect(there).toMatchObject(mirrorOf(here, self?.listen.port));
            expect(here.port).toBe(other?.self?.listen.port);
            expect(whoConnects(here, there)).toBe('somebody');
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

function sameVersion(one: string, other: string): boolean {
  return one.includes(':') === other.includes(':');
}

/** What the other side must have of a session, where this side listens on `port`. */
function mirrorOf(here: Neighbour, port: number | undefined): Fields {
  return {
    address: here.localAddress,
    localAddress: here.address,
    port,
    peerAs: here.localAs,
    localAs: here.peerAs,
    external: here.external,
    families: here.families,
    source: here.source,
    password: here.password,
  };
}

/** In the mesh exactly one side connects, so that connections never collide; elsewhere one at least. */
function whoConnects(here: Neighbour, there: Neighbour | undefined): string {
  if (here.passive && there?.passive === true) return 'nobody';
  return here.type === 'mesh' && here.passive === there?.passive ? 'both in the mesh' : 'somebody';
}

import { describe, expect, it } from 'vitest';
import {
  advertisement,
  advertiserOf,
  configuration,
  node,
  service,
  slice,
} from '../../../test/support/service-cluster.ts';
import { wantedNeighbour } from '../../../test/support/wanted-neighbour.ts';
import type { ServiceRoute } from '../../advertiser/service-routes.ts';
import type { HeldWithdrawal } from '../../advertiser/withdrawal-gate.ts';
import { PLAIN_ATTRIBUTES } from '../../bgp/messages/attributes/attributes.ts';
import { parsePrefix } from '../../net/prefix.ts';
import type { OwnRoute } from '../own-routes.ts';
import { ownRouteFacts } from './own-route-facts.ts';

const PREFIX = parsePrefix('192.0.2.1/32');

/** A service with endpoints elsewhere, which one peer is told of as backup. */
const advertiser = advertiserOf([
  node('node-1'),
  configuration({ serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }] }),
  advertisement('near', {
    scope: 'Node',
    others: 'Backup',
    peerSelector: "peer.starling.dev/name == 'b'",
  }),
  service({ type: 'LoadBalancer' }, { ingress: ['192.0.2.1'] }),
  slice('node-2'),
]);

function facts(kind: OwnRoute['kind'], held = new Map<string, HeldWithdrawal<ServiceRoute>>(), heldBlock = '') {
  const neighbours = [
    wantedNeighbour(),
    wantedNeighbour({ key: '192.0.2.3', labels: { 'peer.starling.dev/name': 'c' } }),
  ];
  return ownRouteFacts(
    {
      ownRoutes: { get: () => ({ prefix: PREFIX, kind, reason: 'added by hand', attributes: PLAIN_ATTRIBUTES }) },
      find: (peer) => {
        const neighbour = neighbours.find(({ key }) => key === peer);
        return neighbour === undefined ? undefined : { neighbour };
      },
    },
    { advertiser, held, heldCount: held.size, dateOf: () => 0, withheld: false },
    (cidr) => cidr === heldBlock,
  );
}

describe('what is known of own routes', () => {
  it('is why they are originated, as it is by now', () => {
    expect(facts('manual').reason(PREFIX)).toBe('added by hand');
    expect(facts('service').reason(PREFIX)).toMatch(/default\/web.*ServiceAdvertisement "near"/);
    expect(facts('service').reason(parsePrefix('192.0.2.99/32'))).toBe('added by hand');
    const route = { prefix: PREFIX, label: 0, service: 'default/web' };
    const held = new Map([['192.0.2.1/32', { route, until: 0, why: 'delay' } as const]]);
    expect(facts('service', held).reason(PREFIX)).toBe(
      'it is no longer wanted, and told on for now, because its withdrawal has a delay (withdrawDelay).',
    );
    expect(facts('block', held, '192.0.2.1/32').reason(PREFIX)).toMatch(
      /^added by hand It is deleted in the datastore, and kept for now .*services\.guard/,
    );
    expect(facts('block', held, '192.0.2.0/24').reason(PREFIX)).toBe('added by hand');
  });

  it('is on which terms a peer is to be told', () => {
    const { label } = advertiser.routes.get('192.0.2.1/32')!;
    expect(['192.0.2.2', '192.0.2.3', '192.0.2.9'].map((peer) => facts('service').role(label, peer))).toEqual([
      'backup',
      null,
      null,
    ]);
    expect(facts('service').role(0, '192.0.2.2')).toBe('primary');
  });
});

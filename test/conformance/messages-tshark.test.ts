/** Wireshark as judge of what Starling encodes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAttributes, encodeAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
import type { Attributes } from '../../src/bgp/messages/attributes/attributes.ts';
import { toTwoOctetAs } from '../../src/bgp/messages/attributes/two-octet-as.ts';
import type { Capability } from '../../src/bgp/messages/capabilities/capability.ts';
import { MESSAGE_UPDATE, encodeMessage } from '../../src/bgp/messages/framing.ts';
import { encodeKeepalive } from '../../src/bgp/messages/keepalive.ts';
import { writeNlri } from '../../src/bgp/messages/nlri.ts';
import { encodeNotification, hardReset, shutdownCommunication } from '../../src/bgp/messages/notification.ts';
import { encodeOpen } from '../../src/bgp/messages/open.ts';
import { encodeRouteRefresh } from '../../src/bgp/messages/route-refresh.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../src/net/family.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { attributes4, attributes6 } from '../support/message-arbitraries.ts';
import { requireOrSkip } from '../support/skip.ts';
import { TSHARK_PROGRAMS, dissect } from '../support/tshark.ts';
import { concat, hex, updateBody } from '../support/wire.ts';

const NEEDS = { programs: TSHARK_PROGRAMS };
/** The same routes in every run. */
const SAMPLE = { numRuns: 60, seed: 20260801 };

function nlri(...prefixes: readonly string[]): Uint8Array {
  const out = new Uint8Array(prefixes.length * 17);
  let length = 0;
  for (const text of prefixes) {
    const { family, words, length: bits } = parsePrefix(text);
    length = writeNlri(out, length, family, ...words, bits);
  }
  return out.slice(0, length);
}

function update(withdrawn: Uint8Array, attributes: Uint8Array, routes: Uint8Array): Uint8Array {
  return encodeMessage(MESSAGE_UPDATE, updateBody(withdrawn, attributes, routes));
}

/** An UPDATE of IPv6 routes: NLRI are put into the stub of MP_REACH_NLRI that begins the block. */
function update6(block: Uint8Array, routes: Uint8Array): Uint8Array {
  const stubEnd = 3 + block[2];
  const reach = concat(Uint8Array.of(block[0], block[1], block[2] + routes.length), block.subarray(3, stubEnd), routes);
  return update(hex(''), concat(reach, block.subarray(stubEnd)), hex(''));
}

const ATTRIBUTE = 'bgp.update.path_attribute';

/** Whether tshark tells a community in numbers: it knows 0:x and 65535:x as reserved. */
function hasNumbers(community: number): boolean {
  return community >>> 16 !== 0 && community >>> 16 !== 0xffff;
}

/** What tshark must say of a route, next hop aside. */
function fieldsOf({ origin, asPath, med, localPref, communities, clusterList, largeCommunities }: Attributes) {
  const some = (name: string, values: readonly (string | number)[]) =>
    values.length > 0 ? { [name]: values.map(String) } : {};
  return {
    [`${ATTRIBUTE}.origin`]: [String(['igp', 'egp', 'incomplete'].indexOf(origin))],
    ...some(
      `${ATTRIBUTE}.as_path_segment.as4`,
      asPath.flatMap(({ asns }) => asns),
    ),
    ...some(
      `${ATTRIBUTE}.as_path_segment.type`,
      asPath.map(({ type }) => (type === 'set' ? 1 : 2)),
    ),
    ...some(`${ATTRIBUTE}.multi_exit_disc`, med === undefined ? [] : [med]),
    ...some(`${ATTRIBUTE}.local_pref`, localPref === undefined ? [] : [localPref]),
    ...some(
      `${ATTRIBUTE}.community_value`,
      communities.filter(hasNumbers).map((c) => c & 0xffff),
    ),
    ...some('bgp.path_attribute.cluster_id', clusterList),
    ...some(
      'bgp.large_communities.ldp2',
      largeCommunities.map(({ localData2 }) => localData2),
    ),
  };
}

/** Faults that tshark reports itself, and does not report for messages that it doesn't know. */
function faultsIn(fields: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(fields).filter((name) => name.includes('malformed') || name.includes('.expert'));
}

describe('tshark reads', () => {
  it('OPEN with every capability', (ctx) => {
    requireOrSkip(ctx, NEEDS);
    const capabilities: Capability[] = [
      { name: 'multiprotocol', afi: 2, safi: 1 },
      { name: 'route-refresh' },
      { name: 'extended-next-hop', entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
      { name: 'extended-message' },
      { name: 'role', role: 3 },
      {
        name: 'graceful-restart',
        restarting: true,
        notification: true,
        restartTime: 120,
        families: [{ afi: 1, safi: 1, forwarding: true }],
      },
      { name: 'four-octet-as', asn: 4_200_000_000 },
      { name: 'add-path', families: [{ afi: 1, safi: 1, send: true, receive: true }] },
      { name: 'enhanced-route-refresh' },
      { name: 'long-lived-graceful-restart', families: [{ afi: 1, safi: 1, forwarding: true, staleTime: 86400 }] },
      { name: 'fqdn', hostname: 'tor', domain: 'lab' },
      { name: 'software-version', version: '1.2' },
    ];
    const [open] = dissect([encodeOpen({ asn: 4_200_000_000, holdTime: 90, routerId: 0xc0000201, capabilities })]);
    expect(faultsIn(open)).toEqual([]);
    expect(open).toMatchObject({
      'bgp.type': ['1'],
      'bgp.open.myas': ['23456'],
      'bgp.open.holdtime': ['90'],
      'bgp.open.identifier': ['192.0.2.1'],
      'bgp.cap.type': ['1', '2', '5', '6', '9', '64', '65', '69', '70', '71', '73', '75'],
      'bgp.cap.mp.afi': ['2'],
      'bgp.cap.enh.nhafi': ['2'],
      'bgp.cap.gr.timers.restart_flag': ['1'],
      'bgp.cap.gr.timers.notification_flag': ['1'],
      'bgp.cap.gr.timers.restart_time': ['120'],
      'bgp.cap.gr.flag.pfs': ['1'],
      'bgp.cap.4as': ['4200000000'],
      'bgp.cap.ap.sendreceive': ['3'],
      'bgp.cap.orf.fqdn.hostname': ['tor'],
      'bgp.cap.orf.fqdn.domain_name': ['lab'],
      // Not known to tshark 4.0: role, long-lived graceful restart, software version.
      'bgp.cap.unknown': ['03', '00:01:01:80:01:51:80', '03:31:2e:32'],
    });
  });

  it('KEEPALIVE, ROUTE-REFRESH and NOTIFICATION', (ctx) => {
    requireOrSkip(ctx, NEEDS);
    const shutdown = { code: 6, subcode: 2, data: shutdownCommunication('wartung läuft') };
    const [keepalive, refresh, notification, reset] = dissect([
      encodeKeepalive(),
      encodeRouteRefresh(2, 1, 1),
      encodeNotification(shutdown),
      encodeNotification(hardReset(shutdown)),
    ]);
    expect([keepalive, refresh, notification, reset].flatMap(faultsIn)).toEqual([]);
    expect(keepalive).toMatchObject({ 'bgp.type': ['4'], 'bgp.length': ['19'] });
    expect(refresh).toMatchObject({
      'bgp.type': ['5'],
      'bgp.route_refresh.afi': ['2'],
      'bgp.route_refresh.subtype': ['1'],
      'bgp.route_refresh.safi': ['1'],
    });
    expect(notification).toMatchObject({
      'bgp.type': ['3'],
      'bgp.notify.major_error': ['6'],
      'bgp.notify.minor_error_cease': ['2'],
      'bgp.notify.communication_length': ['14'],
      'bgp.notify.communication': ['wartung läuft'],
    });
    expect(reset).toMatchObject({ 'bgp.notify.major_error': ['6'], 'bgp.notify.minor_error_cease': ['9'] });
  });

  it('End-of-RIB and withdrawals', (ctx) => {
    requireOrSkip(ctx, NEEDS);
    const [endOfRib, withdrawal, withdrawal6] = dissect([
      update(hex(''), hex(''), hex('')),
      update(nlri('10.0.0.0/8', '192.0.2.128/25'), hex(''), hex('')),
      update(hex(''), concat(hex('80 0f 0c 0002 01'), nlri('2001:db8:1::/64')), hex('')),
    ]);
    expect([endOfRib, withdrawal, withdrawal6].flatMap(faultsIn)).toEqual([]);
    expect(endOfRib).toMatchObject({ 'bgp.update.path_attributes.length': ['0'], 'bgp.length': ['23'] });
    expect(withdrawal['bgp.withdrawn_prefix']).toEqual(['10.0.0.0', '192.0.2.128']);
    expect(withdrawal6['bgp.mp_unreach_nlri_ipv6_prefix']).toEqual(['2001:db8:1::']);
  });

  it('IPv4 routes with any attributes', (ctx) => {
    requireOrSkip(ctx, NEEDS);
    const routes = fc.sample(attributes4, SAMPLE);
    const messages = routes.map((attributes) =>
      update(hex(''), encodeAttributes(attributes, IPV4_UNICAST), nlri('192.0.2.0/24', '10.0.0.0/9')),
    );
    const read = dissect(messages);
    expect(read.flatMap(faultsIn)).toEqual([]);
    expect(read).toMatchObject(
      routes.map((attributes) => ({
        ...fieldsOf(attributes),
        [`${ATTRIBUTE}.next_hop`]: [attributes.nextHop],
        'bgp.nlri_prefix': ['192.0.2.0', '10.0.0.0'],
      })),
    );
  });

  it('IPv6 routes with any attributes', (ctx) => {
    requireOrSkip(ctx, NEEDS);
    const routes = fc.sample(attributes6, SAMPLE);
    const messages = routes.map((attributes) =>
      update6(encodeAttributes(attributes, IPV6_UNICAST), nlri('2001:db8::/32', '::/0')),
    );
    const read = dissect(messages);
    expect(read.flatMap(faultsIn)).toEqual([]);
    expect(read).toMatchObject(
      routes.map((attributes) => ({
        ...fieldsOf(attributes),
        [`${ATTRIBUTE}.mp_reach_nlri.next_hop.ipv6`]: [attributes.nextHop],
        'bgp.mp_reach_nlri_ipv6_prefix': ['2001:db8::', '::'],
      })),
    );
  });

  it('routes for a peer with 2-octet AS numbers', (ctx) => {
    requireOrSkip(ctx, NEEDS);
    const block = hex('40 01 01 00 40 02 0a 02 02 0000fde8 fa56ea00 40 03 04 c0000201 c0 07 08 fa56ea07 c0000207');
    expect(decodeAttributes(block, 0, block.length).asPath).toHaveLength(1);
    const [read] = dissect([update(hex(''), toTwoOctetAs(block, 0, block.length), nlri('192.0.2.0/24'))], 2);
    expect(faultsIn(read)).toEqual([]);
    expect(read).toMatchObject({
      [`${ATTRIBUTE}.as_path_segment.as2`]: ['65000', '23456'],
      [`${ATTRIBUTE}.as_path_segment.as4`]: ['65000', '4200000000'],
      [`${ATTRIBUTE}.aggregator_as`]: ['23456', '4200000007'],
    });
  });
});

/** BGPPeer: which nodes peer with whom. */
import { z } from 'zod';
import { tryParseAddress } from '../../net/address.ts';
import { asNumber, duration, emptyAsUnset, ipAddress, secretKeyRef, selector, textField } from '../fields.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import type { ResourceOfDefinition } from '../kind-definition.ts';
import { formatPeerIP, parsePeerIP } from '../peer-address.ts';

const peerIP = textField(
  (text) => {
    const parsed = text.length <= 64 ? parsePeerIP(text) : undefined;
    return parsed === undefined ? undefined : formatPeerIP(parsed);
  },
  'an address with an optional port: 192.0.2.1, 192.0.2.1:179, 2001:db8::1, [2001:db8::1]:179, fe80::1%eth0',
  { maxLength: 64 },
);

const spec = z
  .object({
    /** Name of the one node that peers. Without `node` and `nodeSelector` all nodes do. */
    node: z.string().max(253).optional(),
    nodeSelector: selector.optional(),
    peerIP: emptyAsUnset(peerIP),
    asNumber: asNumber.optional(),
    localASNumber: asNumber.optional(),
    /** Picks the nodes that are the peers. */
    peerSelector: selector.optional(),
    /** The older way to say `nextHopMode: Keep`, for eBGP only. */
    keepOriginalNextHop: z.boolean().default(false),
    /** Without it Auto, unless `keepOriginalNextHop` says otherwise. */
    nextHopMode: z.enum(['Auto', 'Self', 'Keep']).optional(),
    password: secretKeyRef.optional(),
    sourceAddress: z.enum(['UseNodeIP', 'None']).default('UseNodeIP'),
    maxRestartTime: duration.optional(),
    keepaliveTime: duration.optional(),
    numAllowedLocalASNumbers: z.int().min(0).max(2147483647).optional(),
    /** Hops to the peer, for GTSM (RFC 5082). */
    ttlSecurity: z.int().min(0).max(255).optional(),
    /** Gateway by which the peer is reached. */
    reachableBy: emptyAsUnset(ipAddress),
    /** Names of BGPFilters, in the order in which they apply. */
    filters: z.array(z.string().min(1)).default([]),
    /** Picks the workloads on the node that are the peers. */
    localWorkloadSelector: selector.optional(),
    reversePeering: z.enum(['Auto', 'Manual']).default('Auto'),
  })
  .check(({ value, issues }) => {
    const problem = (field: string, message: string) =>
      issues.push({ code: 'custom', path: [field], message, input: value });
    const isSet = (field: keyof typeof value) => value[field] !== undefined && value[field] !== '';
    if (isSet('node') && isSet('nodeSelector')) problem('nodeSelector', 'must not be set together with node');
    const remote = (['peerIP', 'peerSelector', 'localWorkloadSelector'] as const).filter(isSet);
    if (remote.length === 0) problem('peerIP', 'is required, or else peerSelector or localWorkloadSelector');
    if (remote.length > 1) problem(remote[1], `must not be set together with ${remote[0]}`);
    if (isSet('peerSelector') && isSet('asNumber')) {
      problem('asNumber', 'must not be set together with peerSelector, because the AS number of a node is its own');
    }
    if (!isSet('asNumber') && !isSet('peerSelector') && remote.length > 0) {
      problem('asNumber', `is required with ${remote[0]}`);
    }
    if (value.keepOriginalNextHop && isSet('nextHopMode')) {
      problem('nextHopMode', 'must not be set together with keepOriginalNextHop');
    }
    if (value.reachableBy === undefined) return;
    const peer = value.peerIP === undefined ? undefined : parsePeerIP(value.peerIP);
    if (peer === undefined) problem('reachableBy', 'needs peerIP');
    else if (tryParseAddress(value.reachableBy)?.family !== peer.family) {
      problem('reachableBy', 'must be of the same address family as peerIP');
    }
  });

export const BGP_PEER = defineKind({
  kind: 'BGPPeer',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec }),
  reportUnknownFields: true,
});

export type BGPPeer = ResourceOfDefinition<typeof BGP_PEER>;

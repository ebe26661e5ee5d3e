/** Two peers as the API tells of them: one that is established, and one that refuses the connection. */
import type { PeerExplanation } from '../../src/api/peer-explanation-types.ts';
import { toPastTimestamp } from '../../src/api/timestamps.ts';
import type { MessageCounts, PeerDetail } from '../../src/api/types.ts';
import { NOW } from './fake-status.ts';

const MESSAGES: MessageCounts = {
  open: 1,
  update: 7,
  notification: 0,
  keepalive: 120,
  routeRefresh: 0,
  total: 128,
  withdrawUpdates: 2,
  withdrawnPrefixes: 3,
  discarded: 0,
};

export const TOR_A: PeerDetail = {
  address: '10.0.0.254',
  name: 'tor-a',
  type: 'global',
  source: 'BGPPeer tor-a',
  asn: 64601,
  localAsn: 64512,
  session: 'external',
  state: 'Established',
  admin: 'up',
  postponed: null,
  since: toPastTimestamp(NOW - 93_784_000, NOW),
  uptimeSeconds: 93_784,
  families: { 'ipv4-unicast': { received: 12, accepted: 10, advertised: 4, endOfRib: true } },
  flaps: 1,
  pendingPrefixes: 0,
  messages: { received: MESSAGES, sent: MESSAGES },
  lastError: { words: 'hold timer expired after 90 s without a message', at: toPastTimestamp(NOW - 93_800_000, NOW) },
  reason: 'BGPPeer tor-a selects all nodes',
  port: 179,
  passive: false,
  localAddress: '10.0.0.1',
  localPort: 40_000,
  remotePort: 179,
  localRouterId: '10.0.0.1',
  routerId: '10.0.0.254',
  timers: {
    configured: { holdSeconds: 90, keepaliveSeconds: 30, connectRetrySeconds: 120 },
    negotiated: { holdSeconds: 90, keepaliveSeconds: 30 },
  },
  capabilities: { ours: ['4-octet AS 64512', 'route refresh'], theirs: ['4-octet AS 64601', 'route refresh'] },
  security: { md5: true, gtsmHops: 1 },
  policy: {
    import: { filters: [], words: 'no filter: everything is accepted (Calico default)' },
    export: { filters: ['no-default'], words: 'BGPFilter no-default, then the Calico default rules' },
  },
  lastNotificationSent: {
    code: 4,
    subcode: 0,
    words: 'Hold Timer Expired',
    at: toPastTimestamp(NOW - 93_800_000, NOW),
  },
  lastNotificationReceived: null,
};

export const NODE_2: PeerDetail = {
  ...TOR_A,
  address: 'fe80::2%eth0',
  name: 'node-2',
  type: 'mesh',
  source: 'node-to-node mesh',
  asn: 64512,
  session: 'internal',
  state: 'Active',
  since: toPastTimestamp(NOW - 42_000, NOW),
  uptimeSeconds: 0,
  families: { 'ipv4-unicast': { received: 0, accepted: 0, advertised: 0, endOfRib: false } },
  lastError: { words: 'connection refused', at: toPastTimestamp(NOW - 2_000, NOW) },
  reason: 'the mesh is on and node-2 is a node of the cluster',
  localAddress: null,
  localPort: null,
  remotePort: null,
  routerId: null,
  timers: { ...TOR_A.timers, negotiated: null },
  capabilities: { ours: TOR_A.capabilities.ours, theirs: [] },
  security: { md5: false, gtsmHops: null },
  lastNotificationSent: null,
};

export const EXPLAINED: PeerExplanation = {
  query: '',
  wanted: 'BGPPeer tor-a selects all nodes.',
  steps: [
    { source: 'node-to-node mesh', applies: false, words: 'the mesh is off' },
    { source: 'BGPPeer tor-a', applies: true, words: 'it is about all nodes' },
  ],
  peers: [
    {
      address: TOR_A.address,
      wanted: true,
      source: TOR_A.source,
      reason: TOR_A.reason,
      heldDown: null,
      session: { state: 'Established', admin: 'up', since: TOR_A.since, lastError: null, postponed: null },
    },
  ],
};

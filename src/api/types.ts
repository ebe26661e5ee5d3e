/**
 * The JSON shapes of the HTTP API, as schemas. The types of the API, its OpenAPI description and the tests all come from here.
 *
 * Conventions: an instant is a {@link Timestamp}, durations end in `Seconds`, addresses and prefixes are canonical text,
 * what may be unknown is `null`, and a route attribute that a route doesn't have is absent.
 */
import { z } from 'zod';
import { FAMILY_NAMES } from '../net/family.ts';

export const count = z.int().nonnegative();

export const familyName = z.enum(FAMILY_NAMES).meta({ id: 'Family', description: 'Address family.' });
export type FamilyName = z.infer<typeof familyName>;

export const timestamp = z
  .object({
    time: z.string().describe('RFC 3339, UTC.'),
    epochSeconds: z.number().describe('The same instant in seconds since 1970-01-01.'),
  })
  .meta({ id: 'Timestamp' });
export interface Timestamp extends z.infer<typeof timestamp> {}

export const pastTimestamp = timestamp
  .extend({ agoSeconds: z.number().describe('How long ago that was when the answer was made.') })
  .meta({ id: 'PastTimestamp' });
export interface PastTimestamp extends z.infer<typeof pastTimestamp> {}

/** Something that went wrong, in words, and when. */
export const trouble = z.object({ words: z.string(), at: pastTimestamp }).meta({ id: 'Trouble' });
export interface Trouble extends z.infer<typeof trouble> {}

// Status

export const familyTotals = z
  .object({
    received: count.describe('Routes in all Adj-RIBs-In, before the import filters.'),
    best: count.describe('Prefixes with a best path in the Loc-RIB.'),
    advertised: count.describe('Routes in all Adj-RIBs-Out.'),
    fib: count.describe('Routes that are for the kernel.'),
  })
  .meta({ id: 'FamilyTotals' });
export interface FamilyTotals extends z.infer<typeof familyTotals> {}

export const fibStatus = z
  .object({
    enabled: z.boolean(),
    inSync: z.boolean().describe('The kernel has what it should have.'),
    desired: count.describe('Routes the kernel should have from this daemon.'),
    installed: count,
    failed: count.describe('Routes the kernel refused.'),
    repaired: count.describe('Routes put right after somebody else changed them, since the start.'),
    table: count.describe('Number of the routing table.'),
    ownership: z.string().nullable().describe('Who programs which routes on this node, in words; null: not known yet.'),
    lastError: trouble.nullable().describe('What is in the way now; null when nothing is.'),
  })
  .meta({ id: 'FibStatus' });

export const serviceTotals = z
  .object({
    total: count.describe('Services that the datastore has.'),
    advertised: count.describe('Routes for service addresses that this node originates, ranges included.'),
    ranges: count.describe('Of these, ranges of BGPConfiguration.'),
    held: count.describe('Of these, the ones that are no longer wanted and told on for now.'),
    withheld: count.describe('Routes that the services ask for and that are not originated, for a drain.'),
  })
  .meta({ id: 'ServiceTotals' });
export interface ServiceTotals extends z.infer<typeof serviceTotals> {}

export const datastoreSource = z
  .object({
    name: z.string().describe('A path, a prefix of keys, or a resource of the Kubernetes API.'),
    state: z.enum(['syncing', 'synced', 'away']),
    since: pastTimestamp,
    connectedSince: pastTimestamp.nullable().describe('null: there is no connection, or it does not matter.'),
    reconnects: count.describe('How often the connection was set up again, since the daemon started.'),
    errors: count.describe('How often it could not be read, since the daemon started.'),
    revision: z.string().nullable().describe('What the datastore calls the state that was seen last.'),
    lastError: trouble.nullable(),
    lagSeconds: z.number().nullable().describe('How far behind the datastore the daemon is; null: not known.'),
  })
  .meta({ id: 'DatastoreSource' });

export const datastoreStatus = z
  .object({
    type: z.enum(['file', 'etcd', 'kubernetes']),
    state: z
      .enum(['syncing', 'synced', 'cached', 'failed'])
      .describe(
        '`syncing`: no complete answer yet; `cached`: away, the last known state is served; `failed`: away, and no state is known.',
      ),
    since: pastTimestamp,
    lastError: trouble.nullable(),
    cacheWritten: pastTimestamp
      .nullable()
      .describe('When the state that is served was written to disk; null: it is from the datastore.'),
    lagSeconds: z.number().nullable().describe('How far behind the datastore the daemon is; null: not known.'),
    sources: z.array(datastoreSource).describe('What is read from it, each by itself.'),
  })
  .meta({ id: 'DatastoreStatus' });

export const drainStage = z.enum(['serving', 'graceful-shutdown', 'services-withdrawn', 'withdrawn']);

export const drainReport = z
  .object({
    stage: drainStage.describe('How far the node is taken out of the network.'),
    target: drainStage.describe('Where that leads, as things are.'),
    since: pastTimestamp.describe('When the stage began.'),
    nextStageAt: timestamp
      .nullable()
      .describe('When the next stage begins; null: none follows, or peers have yet to be told of this one.'),
    causes: z.array(z.string()).describe('What asks for it, as it follows "because".'),
    words: z.string(),
  })
  .meta({ id: 'Drain' });
export interface DrainReport extends z.infer<typeof drainReport> {}

export const statusReport = z
  .object({
    node: z.string(),
    asn: count,
    routerId: z.string(),
    version: z.string(),
    started: pastTimestamp,
    configLoaded: z.boolean(),
    peers: z.object({
      total: count,
      established: count,
      disabled: count,
      kept: count.describe('Wanted no more, and kept until others have replaced them.'),
      held: count.describe('To be removed or reset, which waits for a confirmation.'),
    }),
    routes: z.record(familyName, familyTotals),
    services: serviceTotals,
    drain: drainReport,
    fib: fibStatus,
    datastore: datastoreStatus,
    problems: z.array(z.string()).describe('What is wrong, a sentence each; empty when nothing is.'),
  })
  .meta({ id: 'Status' });
export interface StatusReport extends z.infer<typeof statusReport> {}

// Peers

/** States of RFC 4271 §8.2.2. */
export const sessionState = z.enum(['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established']);

export const peerFamily = z
  .object({
    received: count.describe(
      'Routes in the Adj-RIB-In. 0 while the session is down, unless the peer restarts (RFC 4724).',
    ),
    accepted: count.describe('Of these, those the import filters let through.'),
    stale: count.describe('Of those received, the ones kept since before the peer restarted (RFC 4724).').optional(),
    advertised: count.describe('Routes in the Adj-RIB-Out. 0 while the session is down.'),
    endOfRib: z.boolean().describe('The peer has sent End-of-RIB (RFC 4724) in this session.'),
    addPaths: z
      .enum(['send', 'receive', 'both'])
      .optional()
      .describe('Directions in which all paths are told and not only the best one (RFC 7911), as negotiated.'),
  })
  .meta({ id: 'PeerFamily' });
export interface PeerFamily extends z.infer<typeof peerFamily> {}

/** Messages of one direction since the daemon started; `withdrawnPrefixes` counts prefixes, the rest counts messages. */
export const messageCounts = z
  .object({
    open: count,
    update: count,
    notification: count,
    keepalive: count,
    routeRefresh: count,
    total: count,
    withdrawUpdates: count.describe('UPDATEs that withdraw at least one prefix.'),
    withdrawnPrefixes: count,
    discarded: count.describe('Messages, or routes in them, ignored for an error (RFC 7606).'),
  })
  .meta({ id: 'MessageCounts' });
export interface MessageCounts extends z.infer<typeof messageCounts> {}

export const peerSummary = z
  .object({
    address: z.string(),
    name: z.string().nullable().describe('Name of the node or of the BGPPeer resource.'),
    type: z.enum(['mesh', 'node', 'global', 'workload']),
    source: z.string().describe('Where the peer comes from, e.g. `BGPPeer tor-a`.'),
    asn: count,
    localAsn: count,
    session: z.enum(['internal', 'external']),
    state: sessionState,
    admin: z.enum(['up', 'down']),
    postponed: z
      .object({
        kind: z.enum(['kept', 'held']).describe('`kept` ends by itself, `held` waits for a confirmation.'),
        change: z.enum(['removed', 'reset', 'held down']).describe('What would be done to the session.'),
        words: z.string(),
      })
      .nullable()
      .describe('What the resources ask for and is not done for now.'),
    since: pastTimestamp.describe('When the session entered its state.'),
    uptimeSeconds: z.number().describe('How long the session has been Established; 0 when it is not.'),
    families: z.partialRecord(familyName, peerFamily).describe('Configured families.'),
    flaps: count.describe('How often the session left Established since the daemon started.'),
    pendingPrefixes: count.describe('Prefixes still to be sent to the peer.'),
    messages: z.object({ received: messageCounts, sent: messageCounts }),
    lastError: trouble.nullable().describe('Why the session ended, or was not established, the last time.'),
  })
  .meta({ id: 'PeerSummary' });
export interface PeerSummary extends z.infer<typeof peerSummary> {}

export const notificationReport = z
  .object({
    code: count,
    subcode: count,
    words: z.string().describe('e.g. `Cease / Administrative Shutdown: "maintenance"` (RFC 9003).'),
    at: pastTimestamp,
  })
  .meta({ id: 'Notification' });
export interface NotificationReport extends z.infer<typeof notificationReport> {}

const policyDescription = z
  .object({
    filters: z.array(z.string()).describe('BGPFilter resources, in the order they are asked.'),
    words: z.string().describe('What applies in words, default rules (Calico, RFC 8212) included.'),
  })
  .meta({ id: 'PolicyDescription' });

export const peerDetail = peerSummary
  .extend({
    reason: z.string().describe('Why this peer exists.'),
    port: count.describe('TCP port the daemon connects to.'),
    passive: z.boolean(),
    localAddress: z.string().nullable().describe('Of the TCP connection, or configured.'),
    localPort: count.nullable(),
    remotePort: count.nullable(),
    localRouterId: z.string(),
    routerId: z.string().nullable().describe('BGP Identifier of the peer.'),
    timers: z.object({
      configured: z.object({ holdSeconds: z.number(), keepaliveSeconds: z.number(), connectRetrySeconds: z.number() }),
      negotiated: z.object({ holdSeconds: z.number(), keepaliveSeconds: z.number() }).nullable(),
    }),
    capabilities: z
      .object({ ours: z.array(z.string()), theirs: z.array(z.string()) })
      .describe('In words; `theirs` is empty before their OPEN.'),
    security: z.object({
      md5: z.boolean().describe('TCP MD5 (RFC 2385).'),
      gtsmHops: count.nullable().describe('GTSM (RFC 5082): most hops allowed; null when off.'),
    }),
    policy: z.object({ import: policyDescription, export: policyDescription }),
    lastNotificationSent: notificationReport.nullable(),
    lastNotificationReceived: notificationReport.nullable(),
  })
  .meta({ id: 'Peer' });
export interface PeerDetail extends z.infer<typeof peerDetail> {}

// Events

const event = timestamp.extend({
  id: count.describe('Grows by one with each event; starts at 1.'),
  type: z.string(),
  subject: z.string().describe('What it is about: a peer, a prefix, an endpoint, a policy, a resource.'),
  words: z.string(),
});
/** An event of any process, whatever its types are. */
export interface ProcessEvent<T extends string = string> extends z.infer<typeof event> {
  readonly type: T;
}

export const eventType = z.enum(['session', 'best-path', 'advertisement', 'fib', 'datastore', 'config', 'daemon']);

export const daemonEvent = event.extend({ type: eventType }).meta({ id: 'Event' });
export interface DaemonEvent extends z.infer<typeof daemonEvent> {}

export const agentEventType = z.enum(['endpoint', 'policy', 'ruleset', 'datastore', 'config', 'daemon']);

export const agentEvent = event.extend({ type: agentEventType }).meta({ id: 'AgentEvent' });
export interface AgentEvent extends z.infer<typeof agentEvent> {}

// What a change would do

export const resourceDifference = z
  .object({
    kind: z.string(),
    namespace: z.string().nullable(),
    name: z.string(),
    change: z.enum(['added', 'changed', 'removed']),
  })
  .meta({ id: 'ResourceDifference' });

export const peerDifference = z
  .object({
    peer: z.string(),
    name: z.string().nullable().describe('Name of the node or of the BGPPeer resource.'),
    change: z
      .enum(['added', 'removed', 'reset', 'password', 'policy', 'later'])
      .describe(
        '`reset`: the session is set up anew; `password`: the key changes on the session; `policy`: routes are filtered or told anew; `later`: counts from the next session on.',
      ),
    heldDown: z.string().nullable().describe('Why there would be no session although the peer is wanted.'),
    words: z.array(z.string()).describe('Why it is there, or what of it changes; never a secret.'),
  })
  .meta({ id: 'PeerDifference' });
export interface PeerDifference extends z.infer<typeof peerDifference> {}

export const configDiff = z
  .object({
    different: z.boolean().describe('Whether the node would do anything else than it does.'),
    valid: z.boolean().describe('Whether all resources could be read.'),
    resources: z.array(resourceDifference),
    node: z.array(z.string()).describe('What changes about the node itself and its kernel, a sentence each.'),
    peers: z.array(peerDifference),
    routes: z
      .array(
        z.object({
          prefix: z.string(),
          service: z.string().nullable().describe('`namespace/name` of a service that it is for; null: of none alone.'),
          change: z.enum(['originated', 'withdrawn', 'changed']).describe('`changed`: told on other terms.'),
          words: z.string(),
        }),
      )
      .describe('Routes that this node originates.'),
    newProblems: z.array(z.string()).describe('What the node could not do then, a sentence each.'),
    solvedProblems: z.array(z.string()),
    problems: z
      .array(z.object({ where: z.string(), message: z.string(), severity: z.enum(['error', 'warning']) }))
      .describe('What is wrong with the resources that were given.'),
  })
  .meta({ id: 'ConfigDiff' });
export interface ConfigDiff extends z.infer<typeof configDiff> {}

// What is sent to the daemon

export const configDiffInput = z
  .strictObject({
    resources: z.array(z.unknown()).describe('Manifests as JSON.'),
    whole: z.boolean().default(false).describe('Whether these are all resources: others would be deleted.'),
  })
  .meta({ id: 'ConfigDiffInput' });
export interface ConfigDiffInput extends z.infer<typeof configDiffInput> {}

const u32 = z.int().min(0).max(0xffffffff);

export const routeInput = z
  .strictObject({
    prefix: z.string(),
    nextHop: z.string().optional().describe('Default: this node itself.'),
    origin: z.enum(['igp', 'egp', 'incomplete']).optional(),
    asPath: z.array(u32).optional().describe('ASes behind this node, nearest first.'),
    med: u32.optional(),
    localPref: u32.optional(),
    communities: z.array(z.string().regex(/^\d{1,5}:\d{1,5}$|^[a-z-]+$/i)).optional(),
    largeCommunities: z.array(z.string().regex(/^\d{1,10}:\d{1,10}:\d{1,10}$/)).optional(),
  })
  .meta({ id: 'RouteInput' });
export interface RouteInput extends z.infer<typeof routeInput> {}

export const resetKind = z.enum(['hard', 'in', 'out']);
export type ResetKind = z.infer<typeof resetKind>;

export const drainInput = z
  .strictObject({
    forGood: z.boolean().default(false).describe('Whether the daemon stops for good when everything is withdrawn.'),
    waitSeconds: z
      .number()
      .min(0)
      .max(86_400)
      .optional()
      .describe('From GRACEFUL_SHUTDOWN to the withdrawal of services, in place of `drain.wait`.'),
    message: z.string().max(200).optional().describe('Why, for whoever looks at the node.'),
  })
  .meta({ id: 'DrainInput' });
export interface DrainInput extends z.infer<typeof drainInput> {}

export const actionResult = z.object({ words: z.string().describe('What was done.') }).meta({ id: 'ActionResult' });
export interface ActionResult extends z.infer<typeof actionResult> {}

export const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) }).meta({ id: 'Error' });

/** PeerProfile: settings of BGP sessions that Calico has no fields for, for the peers that its `peerSelector` picks. */
import { z } from 'zod';
import { duration, labelKey, secretKeyRef, selector } from '../fields.ts';
import { durationSeconds } from '../duration.ts';
import { STARLING_API_VERSION, defineKind, notSupported } from '../kind-definition.ts';
import type { ResourceOfDefinition, Review } from '../kind-definition.ts';
import type { Immutable } from '../resource.ts';

// The descriptions are what `kubectl explain` shows.

const bfd = z
  .object({
    transmitInterval: duration.optional(),
    receiveInterval: duration.optional(),
    detectMultiplier: z.int().min(1).max(255).optional(),
  })
  .describe('Timers of failure detection by RFC 5880.');

const maxPrefixes = z
  .object({
    limit: z.int().min(1).max(4294967295).describe('Number of prefixes of a family at which the session ends.'),
    warnAt: z.int().min(1).max(4294967295).optional().describe('Number of prefixes at which a warning is given.'),
    restartAfter: duration.optional().describe('When the session is opened again.'),
  })
  .describe('How many prefixes are taken from the neighbour.');

const gracefulRestart = z
  .object({
    mode: z
      .enum(['Full', 'Helper', 'Disabled'])
      .optional()
      .describe("Full: as RFC 4724 has it. Helper: only for the neighbour's restarts. Disabled: not at all."),
    restartTime: duration.optional().describe('How long the neighbour keeps the routes of this node, at most 4095s.'),
    longLived: duration.optional().describe('How long stale routes are kept beyond that (RFC 9494).'),
  })
  .describe('Graceful restart (RFC 4724).');

const authentication = z
  .object({
    nextPassword: secretKeyRef
      .optional()
      .describe('A second password for TCP MD5, which the neighbour may have changed to already.'),
    ao: z
      .array(
        z.object({
          keyID: z.int().min(0).max(255),
          algorithm: z.enum(['HMAC-SHA-1-96', 'AES-128-CMAC-96']).default('HMAC-SHA-1-96'),
          key: secretKeyRef,
        }),
      )
      .optional()
      .describe('Keys of TCP-AO (RFC 5925).'),
  })
  .describe('What segments are signed with beside the password of the BGPPeer.');

const spec = z
  .object({
    peerSelector: selector
      .default('all()')
      .describe(
        'Picks peers by the labels of their BGPPeer, and by peer.starling.dev/type (mesh, node, global, workload), /name, ' +
          '/address and /as. Without it all peers.',
      ),
    topologyKey: labelKey
      .optional()
      .describe('A label: only nodes that have the same value of it as this node are peers.'),
    holdTime: duration.optional().describe('0s (never expires), or 3s to 65535s (RFC 4271 section 4.2).'),
    keepaliveTime: duration.optional().describe('1s to 21845s, at most a third of holdTime.'),
    connectRetryTime: duration.optional().describe('1s to 65535s.'),
    passive: z.boolean().optional().describe('Whether this node waits for the neighbour to connect.'),
    bfd: bfd.optional(),
    addPaths: z
      .enum(['Both', 'Send', 'Receive', 'Disabled'])
      .optional()
      .describe('Whether several paths to a prefix are told and taken (RFC 7911).'),
    maxPrefixes: maxPrefixes.optional(),
    gracefulRestart: gracefulRestart.optional(),
    role: z
      .enum(['Provider', 'Customer', 'Peer', 'RouteServer', 'RouteServerClient'])
      .optional()
      .describe('What this node is to the neighbour (RFC 9234).'),
    acceptDefaultRoute: z.boolean().optional().describe('Whether a default route is taken from the neighbour.'),
    families: z
      .array(z.enum(['IPv4Unicast', 'IPv6Unicast']))
      .min(1)
      .optional()
      .describe('The only address families that are offered.'),
    authentication: authentication.optional(),
    localPreference: z
      .enum(['Auto', 'Metric', 'Plain'])
      .optional()
      .describe(
        'How LOCAL_PREF is written to internal peers. Metric: as Calico from v3.32 encodes metrics. Plain: as it is. ' +
          'Auto: as the peer does.',
      ),
  })
  .check(({ value, issues }) => {
    for (const [path, message] of faults(value))
      issues.push({ code: 'custom', path: [...path], message, input: value });
  });

type Spec = Immutable<z.output<typeof spec>>;

/** Longest time that a 16 bit field holds, and the restart time, which has 12 bits (RFC 4724 §3). */
const MAX_SECONDS = 65535;
const MAX_RESTART_SECONDS = 4095;

function* faults(profile: Spec): Generator<[path: readonly string[], message: string]> {
  const seconds = (text: string | undefined) => (text === undefined ? undefined : durationSeconds(text));
  const hold = seconds(profile.holdTime);
  if (hold !== undefined && hold !== 0 && (hold < 3 || hold > MAX_SECONDS)) {
    yield [['holdTime'], `must be 0s, or 3s to ${MAX_SECONDS}s (RFC 4271 section 4.2)`];
  }
  const keepalive = seconds(profile.keepaliveTime);
  if (keepalive !== undefined && (keepalive < 1 || keepalive > MAX_SECONDS / 3)) {
    yield [['keepaliveTime'], `must be 1s to ${MAX_SECONDS / 3}s`];
  } else if (keepalive !== undefined && hold !== undefined && hold > 0 && keepalive > hold / 3) {
    yield [['keepaliveTime'], 'must be at most a third of holdTime'];
  }
  const retry = seconds(profile.connectRetryTime);
  if (retry !== undefined && (retry < 1 || retry > MAX_SECONDS)) {
    yield [['connectRetryTime'], `must be 1s to ${MAX_SECONDS}s`];
  }
  const restart = seconds(profile.gracefulRestart?.restartTime);
  if (restart !== undefined && restart > MAX_RESTART_SECONDS) {
    yield [['gracefulRestart', 'restartTime'], `must be at most ${MAX_RESTART_SECONDS}s (RFC 4724 section 3)`];
  }
  const { limit, warnAt } = profile.maxPrefixes ?? {};
  if (profile.gracefulRestart?.mode === 'Disabled') {
    for (const field of ['restartTime', 'longLived'] as const) {
      if (profile.gracefulRestart[field] !== undefined) {
        yield [['gracefulRestart', field], 'must not be set with mode Disabled'];
      }
    }
  }
  if (profile.authentication?.nextPassword !== undefined && profile.authentication.ao !== undefined) {
    yield [['authentication', 'ao'], 'must not be set together with nextPassword, which is for TCP MD5'];
  }
  if (limit !== undefined && warnAt !== undefined && warnAt > limit) {
    yield [['maxPrefixes', 'warnAt'], `must be at most limit, which is ${limit}`];
  }
}

export const PEER_PROFILE = defineKind({
  kind: 'PeerProfile',
  apiVersions: [STARLING_API_VERSION],
  schema: z.object({ spec }),
  reportUnknownFields: true,
  review,
});

export type PeerProfile = ResourceOfDefinition<typeof PEER_PROFILE>;

function review({ spec }: { spec: Spec }): Review {
  const warnings = (['bfd', 'maxPrefixes', 'role', 'acceptDefaultRoute'] as const)
    .filter((field) => spec[field] !== undefined)
    .map((field) => notSupported('spec', field));
  if (spec.gracefulRestart?.longLived !== undefined) {
    warnings.push(notSupported('spec', 'gracefulRestart', 'longLived'));
  }
  if (spec.authentication?.ao !== undefined) warnings.push(notSupported('spec', 'authentication', 'ao'));
  return { warnings };
}

/** PeerProfile: settings of BGP sessions that Calico has no fields for, for the peers that its `peerSelector` picks. */
import { z } from 'zod';
import { duration, secretKeyRef, selector, textField } from '../fields.ts';
import { durationSeconds } from '../duration.ts';
import { STARLING_API_VERSION, defineKind, notSupported } from '../kind-definition.ts';
import type { ResourceOfDefinition, Review } from '../kind-definition.ts';
import type { Immutable } from '../resource.ts';

const labelKey = textField(
  (text) => (/^[a-zA-Z0-9]([a-zA-Z0-9_./-]{0,315}[a-zA-Z0-9])?$/.test(text) ? text : undefined),
  'the key of a label, such as topology.kubernetes.io/zone',
);

/** Timers of a session whose detection of failures is that of RFC 5880. */
const bfd = z.object({
  transmitInterval: duration.optional(),
  receiveInterval: duration.optional(),
  detectMultiplier: z.int().min(1).max(255).optional(),
});

const maxPrefixes = z.object({
  limit: z.int().min(1).max(4294967295),
  warnAt: z.int().min(1).max(4294967295).optional(),
  restartAfter: duration.optional(),
});

const gracefulRestart = z.object({
  /** Full: as RFC 4724 has it; Helper: only for the neighbour's restarts; Disabled: not at all. */
  mode: z.enum(['Full', 'Helper', 'Disabled']).optional(),
  restartTime: duration.optional(),
  /** How long stale routes are kept beyond that (RFC 9494). */
  longLived: duration.optional(),
});

const authentication = z.object({
  /** A second password for TCP MD5, which the neighbour may have changed to already. */
  nextPassword: secretKeyRef.optional(),
  /** Keys of TCP-AO (RFC 5925). */
  ao: z
    .array(
      z.object({
        keyID: z.int().min(0).max(255),
        algorithm: z.enum(['HMAC-SHA-1-96', 'AES-128-CMAC-96']).default('HMAC-SHA-1-96'),
        key: secretKeyRef,
      }),
    )
    .optional(),
});

const spec = z
  .object({
    /** Over the labels of the BGPPeer and those that say what the neighbour is. */
    peerSelector: selector.default('all()'),
    /** Only nodes that have the same value of this label as this node are peers. */
    topologyKey: labelKey.optional(),
    /** RFC 4271 §4.2: none at all, or at least three seconds. */
    holdTime: duration.optional(),
    keepaliveTime: duration.optional(),
    connectRetryTime: duration.optional(),
    passive: z.boolean().optional(),
    bfd: bfd.optional(),
    addPaths: z.enum(['Both', 'Send', 'Receive', 'Disabled']).optional(),
    maxPrefixes: maxPrefixes.optional(),
    gracefulRestart: gracefulRestart.optional(),
    /** What this node is to the neighbour (RFC 9234). */
    role: z.enum(['Provider', 'Customer', 'Peer', 'RouteServer', 'RouteServerClient']).optional(),
    acceptDefaultRoute: z.boolean().optional(),
    families: z
      .array(z.enum(['IPv4Unicast', 'IPv6Unicast']))
      .min(1)
      .optional(),
    authentication: authentication.optional(),
    /** How LOCAL_PREF is written to internal peers: as Calico 3.32 encodes metrics, plain, or as the peer does. */
    localPreference: z.enum(['Auto', 'Metric', 'Plain']).optional(),
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

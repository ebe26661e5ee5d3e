import type { SessionConfig } from '../bgp/session/session-config.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import type { OwnRestart } from './neighbour-session.ts';
import type { RouterIdentity } from '../route-reflector/reflection.ts';

/**
 * Longest wait between attempts to connect, in seconds; the first ones follow sooner. A node that was away for a minute is not to be
 * without half of its sessions for much longer: the others open them.
 */
const CONNECT_RETRY_TIME = 10;

/** The TCP MD5 keys of a neighbour: none, one, or during a rotation two. */
export function passwords({ password, nextPassword }: Neighbour): readonly string[] {
  if (password.kind !== 'known') return [];
  return nextPassword === undefined || nextPassword === password.value
    ? [password.value]
    : [password.value, nextPassword];
}

/** What can change while a session is up, and counts from the next one on. */
export function changeableConfig(
  { passive, connectRetryTime = CONNECT_RETRY_TIME, gracefulRestartMode, restartTime }: Neighbour,
  ownRestart: OwnRestart,
): Pick<SessionConfig, 'passive' | 'connectRetryTime' | 'gracefulRestart'> {
  if (gracefulRestartMode === 'off') return { passive, connectRetryTime };
  const gracefulRestart = { restartTime, ...ownRestart, helperOnly: gracefulRestartMode === 'helper' };
  return { passive, connectRetryTime, gracefulRestart };
}

/** What the session's machine needs of a neighbour. */
export function sessionConfig(neighbour: Neighbour, self: RouterIdentity, ownRestart: OwnRestart): SessionConfig {
  const [password, nextPassword] = passwords(neighbour);
  return {
    localAs: neighbour.localAs,
    peerAs: neighbour.peerAs,
    routerId: self.routerId,
    peerAddress: neighbour.address,
    peerPort: neighbour.port,
    ...(neighbour.localAddress !== undefined && { localAddress: neighbour.localAddress }),
    holdTime: neighbour.holdTime,
    ...(neighbour.keepaliveTime !== undefined && { keepaliveTime: neighbour.keepaliveTime }),
    families: neighbour.families,
    addPaths: neighbour.addPaths,
    ...changeableConfig(neighbour, ownRestart),
    ...(password !== undefined && { password }),
    ...(nextPassword !== undefined && { nextPassword }),
    ...(neighbour.ttlSecurity !== undefined && { ttlSecurity: neighbour.ttlSecurity }),
  };
}

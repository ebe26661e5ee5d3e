/** The end of a session, in words. */
import type { DownReason } from '../bgp/fsm/effect.ts';
import { describeNotification } from '../bgp/messages/notification.ts';
import type { KeptRoutes } from './restart-helper.ts';

/** Whether a session ended without a word of the peer, as when its machine died. */
export function isLoss({ kind }: DownReason): boolean {
  return kind === 'hold-timer-expired' || kind === 'send-hold-timer-expired' || kind === 'connection-lost';
}

/** Why a session ended. */
export function downInWords(reason: DownReason): string {
  const { notificationReceived: received, notificationSent: sent } = reason;
  if (received !== undefined) return `${reason.words} (received ${describeNotification(received)})`;
  return sent === undefined ? reason.words : `${reason.words} (sent ${describeNotification(sent)})`;
}

/** That the passwords of a live session were changed, the first of which is that in use. */
export function keyChangeInWords([before]: readonly string[], [now]: readonly string[]): string {
  const what = before === now ? 'its next password' : 'its password';
  return `${what} changed, and is taken from now on; the session goes on`;
}

/** What goes on behind words about the end of a session. */
export function keptInWords(kept: KeptRoutes | undefined): string {
  if (kept === undefined || kept.stale === 0) return '';
  const end = kept.awaits === 'session' ? '' : ', or its End-of-RIB';
  return `; its routes (${kept.stale}) stay until ${new Date(kept.until).toISOString()}${end} (graceful restart)`;
}

/** The password of a session, from the Secret that a resource refers to. */
import type { BGPSettings } from '../resources/bgp-settings.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { didYouMean } from '../resources/did-you-mean.ts';
import { secretValue } from '../resources/kinds/secret.ts';
import type { Neighbour } from './neighbour.ts';

/** Longest key of TCP MD5, in bytes (TCP_MD5SIG_MAXKEYLEN of linux/tcp.h). */
const MAX_PASSWORD_BYTES = 80;

/** What a password makes of a neighbour; `note` is a sentence for its reason that begins with a space, or nothing. */
export interface Authentication extends Pick<Neighbour, 'password' | 'heldDown'> {
  readonly note: string;
}

/**
 * Looks up the password of a session. Secrets without a namespace are taken to be in `namespace`. A session that should
 * have a password must not come up without it, so its neighbour is held down where it isn't known.
 */
export function authentication(
  reference: BGPSettings['nodeMeshPassword'],
  view: ClusterView,
  namespace: string,
): Authentication {
  if (reference === undefined) return { password: { kind: 'none' }, note: '' };
  const { name, key, optional = false } = reference.secretKeyRef;
  const place = `Secret "${name}" in namespace "${namespace}"`;
  const secret = view.get('Secret', name, namespace) ?? view.get('Secret', name);
  const bytes = secret === undefined ? undefined : secretValue(secret, key);
  if (bytes !== undefined) return readPassword(bytes, `Key "${key}" of ${place}`);
  const hint = didYouMean(key, Object.keys(secret?.spec.data ?? {}));
  const absent = secret === undefined ? `There is no ${place}` : `${place} has no key "${key}"${hint}`;
  if (optional) return { password: { kind: 'none' }, note: ` The session has no password: it is optional. ${absent}.` };
  return unavailable(`${absent}. ${secret === undefined ? `Create it, with the key "${key}".` : 'Add it.'}`);
}

function readPassword(bytes: Uint8Array, what: string): Authentication {
  if (bytes.length === 0) return unavailable(`${what} is empty. Give it a value.`);
  if (bytes.length > MAX_PASSWORD_BYTES) {
    return unavailable(
      `${what} has ${bytes.length} bytes, and a TCP MD5 password at most ${MAX_PASSWORD_BYTES}. Shorten it on both sides.`,
    );
  }
  const value = asText(bytes);
  if (value === undefined) return unavailable(`${what} is no UTF-8 text. Give it a value that is.`);
  // As `echo password | base64` makes it, and hardly ever what the other side has.
  const note = value.endsWith('\n') ? ` ${what} ends with a line break, which is part of the password.` : '';
  return { password: { kind: 'known', value }, note };
}

function unavailable(why: string): Authentication {
  return { password: { kind: 'unavailable', why }, heldDown: `The session needs a password. ${why}`, note: '' };
}

function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

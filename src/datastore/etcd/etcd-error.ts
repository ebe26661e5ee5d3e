/** What went wrong with etcd, in words. */
import { status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';

/** What an error means for who asked. */
export type EtcdErrorKind =
  /** What was to be read is not kept any more. */
  | 'compacted'
  /** The token is not known, or is older than the last change of users and roles. */
  | 'stale-token'
  | 'denied'
  /** There is no user, or it is not the right one. */
  | 'unauthenticated'
  /** The member does not answer, or can't without the others. */
  | 'unavailable'
  | 'other';

/** `words` say what is wrong but not where. */
export class EtcdError extends Error {
  readonly kind: EtcdErrorKind;

  constructor(kind: EtcdErrorKind, words: string, options?: ErrorOptions) {
    super(words, options);
    this.name = 'EtcdError';
    this.kind = kind;
  }
}

/** Parts of what etcd and gRPC say, what they mean, and words for them; the first that fits counts. */
const KNOWN: readonly [said: RegExp, kind: EtcdErrorKind, words?: string][] = [
  [/revision has been compacted/, 'compacted'],
  [/invalid auth token|revision of auth store is old|auth: revision in header is old/, 'stale-token'],
  [/permission denied/, 'denied', 'permission denied: the user lacks the right to read or write this'],
  [
    /user name is empty|user name not found/,
    'unauthenticated',
    'etcd asks for a user: set datastore.etcd.username and its password',
  ],
  [/authentication failed/, 'unauthenticated', 'etcd refuses the user or the password'],
  [/no leader/, 'unavailable', 'this member of the cluster has no leader: it has lost touch with the majority'],
  [/leader changed/, 'unavailable', 'the cluster has got a new leader'],
  [/ECONNREFUSED/, 'unavailable', 'connection refused'],
  [/EHOSTUNREACH|ENETUNREACH/, 'unavailable', 'no route to it'],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/, 'unavailable', 'its name is not known to DNS'],
  [/^Connection dropped/, 'unavailable', 'the connection was lost, or its other end gives no answer'],
  [/^Received RST_STREAM with code 0\b/, 'other', 'the member has ended the request, as one does that stops'],
  [/Deadline exceeded/, 'unavailable', 'no answer in time'],
];

/** `error` as gRPC gives it, or anything else that was thrown. */
export function etcdError(error: unknown): EtcdError {
  if (error instanceof EtcdError) return error;
  if (!isServiceError(error)) {
    return new EtcdError('unavailable', error instanceof Error ? error.message : String(error), { cause: error });
  }
  const { code, details } = error;
  const known = KNOWN.find(([said]) => said.test(details));
  if (known !== undefined) return new EtcdError(known[1], known[2] ?? bare(details), { cause: error });
  const kind = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED].includes(code)
    ? 'unavailable'
    : 'other';
  return new EtcdError(kind, bare(details), { cause: error });
}

/** Why a watch was ended by the member. */
export function cancelError(reason: string, compactRevision: number): EtcdError {
  if (compactRevision > 0)
    return new EtcdError('compacted', `the changes before revision ${compactRevision} are compacted`);
  const known = KNOWN.find(([said]) => said.test(reason));
  return new EtcdError(known?.[1] ?? 'other', known?.[2] ?? (bare(reason) || 'the watch was ended without a reason'));
}

/** Without what says only that it comes from etcd or gRPC. */
function bare(details: string): string {
  return details
    .replace(/^.*Last error: (?:Error: )?/s, '')
    .replace(/ Resolution note:.*$/s, '')
    .replace(/^(?:rpc error: code = \w+ desc = )?(?:etcdserver: )?/, '')
    .replace(/\.$/, '');
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'details' in error && 'code' in error && typeof error.details === 'string';
}

import { Metadata, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { cancelError, etcdError } from './etcd-error.ts';

const grpcError = (code: status, details: string) =>
  Object.assign(new Error(`${code} ${details}`), { code, details, metadata: new Metadata() });

describe('what gRPC says', () => {
  it.each([
    [
      status.UNAVAILABLE,
      'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ',
      'unavailable',
      'connection refused',
    ],
    [status.UNAVAILABLE, 'No connection established. Last error: odd. Resolution note: ', 'unavailable', 'odd'],
    [
      status.DEADLINE_EXCEEDED,
      'Deadline exceeded after 1.5s,remote_addr=127.0.0.1:1',
      'unavailable',
      'no answer in time',
    ],
    [
      status.INTERNAL,
      'Received RST_STREAM with code 0 (Call ended without gRPC status)',
      'other',
      'the member has ended the request, as one does that stops',
    ],
    [status.UNAUTHENTICATED, 'etcdserver: invalid auth token', 'stale-token', 'invalid auth token'],
    [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision has been compacted', 'compacted', /has been compacted$/],
    [status.INVALID_ARGUMENT, 'etcdserver: user name is empty', 'unauthenticated', /asks for a user/],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded', 'other', 'mvcc: database space exceeded'],
    [status.UNAVAILABLE, 'etcdserver: request timed out', 'unavailable', 'request timed out'],
  ])('%s %j is put in words', (code, details, kind, words) => {
    const error = etcdError(grpcError(code, details));
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(words instanceof RegExp ? words : new RegExp(`^${words}$`));
  });

  it('may be no error of gRPC at all', () => {
    expect(etcdError('odd')).toMatchObject({ kind: 'unavailable', message: 'odd' });
  });
});

describe('the reason that a watch is ended for', () => {
  it.each([
    ['rpc error: code = PermissionDenied desc = etcdserver: permission denied', 0, 'denied', /^permission denied/],
    ['etcdserver: invalid auth token', 0, 'stale-token', /^invalid auth token$/],
    ['', 0, 'other', /without a reason/],
    ['anything', 12, 'compacted', /before revision 12 /],
  ])('%j is put in words', (reason, compacted, kind, words) => {
    const error = cancelError(reason, compacted);
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(words);
  });
});

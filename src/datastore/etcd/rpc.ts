/**
 * The part of etcd's v3 API that is used here: messages and methods with the field numbers of etcd's `rpc.proto` and
 * `kv.proto`. Keys and values are bytes, revisions numbers (etcd counts up from 1).
 */
import { fromJSON } from '@grpc/proto-loader';

export interface ResponseHeader {
  readonly clusterId: number;
  /** Of the whole store, when the member answered. */
  readonly revision: number;
}

export interface KeyValue {
  readonly key: Buffer;
  /** Of the last change of the key. */
  readonly modRevision: number;
  readonly value: Buffer;
}

export interface RangeRequest {
  readonly key: Buffer;
  /** The first key after those meant; absent for a single key. */
  readonly rangeEnd?: Buffer;
  readonly limit?: number;
  /** Of the state to read; absent for the newest. */
  readonly revision?: number;
  readonly keysOnly?: boolean;
}

export interface RangeResponse {
  readonly header: ResponseHeader;
  readonly kvs: readonly KeyValue[];
  /** Whether `limit` cut it off. */
  readonly more: boolean;
}

/** Puts a key if it has not changed since `modRevision`; 0 means that there is none. */
export interface TxnRequest {
  readonly compare: readonly { readonly target: 'MOD'; readonly key: Buffer; readonly modRevision: number }[];
  readonly success: readonly { readonly requestPut: { readonly key: Buffer; readonly value: Buffer } }[];
}

export interface TxnResponse {
  readonly succeeded: boolean;
}

export interface WatchCreateRequest {
  readonly key: Buffer;
  readonly rangeEnd?: Buffer;
  readonly startRevision: number;
  /** Whether the member says now and then how far it is where nothing changes. */
  readonly progressNotify: boolean;
  /** Whether a large response may come in parts. */
  readonly fragment: boolean;
}

export interface WatchRequest {
  readonly createRequest?: WatchCreateRequest;
  readonly progressRequest?: object;
}

export interface WatchEvent {
  readonly type: 'PUT' | 'DELETE';
  readonly kv: KeyValue;
}

export interface WatchResponse {
  readonly header: ResponseHeader;
  readonly watchId: number;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Where the watch wanted more than is kept: the first revision that is. */
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** Whether the next response has more events of the same revision. */
  readonly fragment: boolean;
  readonly events: readonly WatchEvent[];
}

export interface AuthenticateRequest {
  readonly name: string;
  readonly password: string;
}

export interface AuthenticateResponse {
  readonly token: string;
}

/** What gRPC needs to know of a method. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly serialize: (request: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Response;
}

type Nested = NonNullable<Parameters<typeof fromJSON>[0]['nested']>;

const MESSAGES: Nested = {
  KeyValue: {
    fields: {
      key: { type: 'bytes', id: 1 },
      modRevision: { type: 'int64', id: 3 },
      value: { type: 'bytes', id: 5 },
    },
  },
  EventType: { values: { PUT: 0, DELETE: 1 } },
  Event: { fields: { type: { type: 'EventType', id: 1 }, kv: { type: 'KeyValue', id: 2 } } },
  ResponseHeader: { fields: { clusterId: { type: 'uint64', id: 1 }, revision: { type: 'int64', id: 3 } } },
  RangeRequest: {
    fields: {
      key: { type: 'bytes', id: 1 },
      rangeEnd: { type: 'bytes', id: 2 },
      limit: { type: 'int64', id: 3 },
      revision: { type: 'int64', id: 4 },
      keysOnly: { type: 'bool', id: 8 },
    },
  },
  RangeResponse: {
    fields: {
      header: { type: 'ResponseHeader', id: 1 },
      kvs: { rule: 'repeated', type: 'KeyValue', id: 2 },
      more: { type: 'bool', id: 3 },
    },
  },
  PutRequest: { fields: { key: { type: 'bytes', id: 1 }, value: { type: 'bytes', id: 2 } } },
  CompareTarget: { values: { VERSION: 0, CREATE: 1, MOD: 2, VALUE: 3, LEASE: 4 } },
  Compare: {
    oneofs: { targetUnion: { oneof: ['modRevision'] } },
    fields: {
      target: { type: 'CompareTarget', id: 2 },
      key: { type: 'bytes', id: 3 },
      modRevision: { type: 'int64', id: 6 },
    },
  },
  RequestOp: {
    oneofs: { request: { oneof: ['requestPut'] } },
    fields: { requestPut: { type: 'PutRequest', id: 2 } },
  },
  TxnRequest: {
    fields: {
      compare: { rule: 'repeated', type: 'Compare', id: 1 },
      success: { rule: 'repeated', type: 'RequestOp', id: 2 },
    },
  },
  TxnResponse: { fields: { succeeded: { type: 'bool', id: 2 } } },
  WatchCreateRequest: {
    fields: {
      key: { type: 'bytes', id: 1 },
      rangeEnd: { type: 'bytes', id: 2 },
      startRevision: { type: 'int64', id: 3 },
      progressNotify: { type: 'bool', id: 4 },
      fragment: { type: 'bool', id: 8 },
    },
  },
  WatchProgressRequest: { fields: {} },
  WatchRequest: {
    oneofs: { requestUnion: { oneof: ['createRequest', 'progressRequest'] } },
    fields: {
      createRequest: { type: 'WatchCreateRequest', id: 1 },
      progressRequest: { type: 'WatchProgressRequest', id: 3 },
    },
  },
  WatchResponse: {
    fields: {
      header: { type: 'ResponseHeader', id: 1 },
      watchId: { type: 'int64', id: 2 },
      created: { type: 'bool', id: 3 },
      canceled: { type: 'bool', id: 4 },
      compactRevision: { type: 'int64', id: 5 },
      cancelReason: { type: 'string', id: 6 },
      fragment: { type: 'bool', id: 7 },
      events: { rule: 'repeated', type: 'Event', id: 11 },
    },
  },
  AuthenticateRequest: { fields: { name: { type: 'string', id: 1 }, password: { type: 'string', id: 2 } } },
  AuthenticateResponse: { fields: { token: { type: 'string', id: 2 } } },
};

const unary = (message: string) => ({
  comment: '',
  requestType: `${message}Request`,
  responseType: `${message}Response`,
});

const SERVICES: Record<'KV' | 'Watch' | 'Auth', Nested[string]> = {
  KV: { methods: { Range: unary('Range'), Txn: unary('Txn') } },
  Watch: { methods: { Watch: { ...unary('Watch'), requestStream: true, responseStream: true } } },
  Auth: { methods: { Authenticate: unary('Authenticate') } },
};

const DEFINITIONS = fromJSON(
  { nested: { etcdserverpb: { nested: { ...MESSAGES, ...SERVICES } } } },
  // A revision is far below 2^53; the id of a cluster uses all 64 bits, and is only compared, with what is lost of it.
  { longs: Number, enums: String, defaults: true, arrays: true },
);

/** The types of a method's messages are those that {@link MESSAGES} describes. */
function method<Request, Response>(service: keyof typeof SERVICES, name: string): Method<Request, Response> {
  const methods = DEFINITIONS[`etcdserverpb.${service}`] as unknown as Record<string, Definition<Request, Response>>;
  const { path, requestSerialize, responseDeserialize } = methods[name];
  return { path, serialize: requestSerialize, deserialize: responseDeserialize };
}

interface Definition<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export const RANGE = method<RangeRequest, RangeResponse>('KV', 'Range');
export const TXN = method<TxnRequest, TxnResponse>('KV', 'Txn');
export const WATCH = method<WatchRequest, WatchResponse>('Watch', 'Watch');
export const AUTHENTICATE = method<AuthenticateRequest, AuthenticateResponse>('Auth', 'Authenticate');

/** One connection to one member of etcd, from its first request to its end. */
import { Client, Metadata } from '@grpc/grpc-js';
import { channelCredentials, serverNameOptions } from './credentials.ts';
import type { EtcdCredentials } from './credentials.ts';
import type { Endpoint } from './endpoints.ts';
import { etcdError } from './etcd-error.ts';
import type { EtcdError } from './etcd-error.ts';
import type { Login } from './login.ts';
import { AUTHENTICATE, RANGE, TXN, WATCH } from './rpc.ts';
import type { Method, RangeRequest, RangeResponse, TxnRequest, TxnResponse } from './rpc.ts';
import { WatchStream } from './watch-stream.ts';
import type { StreamListener } from './watch-stream.ts';

/** Milliseconds. */
export interface SessionTiming {
  /** Between two questions whether the member is still there. etcd ends connections that ask more often than every 5 s. */
  readonly keepaliveTime: number;
  /** How long it may take to answer that. */
  readonly keepaliveTimeout: number;
  /** How long it may take to answer a request. */
  readonly requestTimeout: number;
}

/** Far above what a page of objects can have; gRPC's own limit of 4 MiB is not. */
const LARGEST_RESPONSE = 256 * 2 ** 20;

/** A call that can be ended early. */
interface Cancelable {
  cancel(): void;
}

export class EtcdSession {
  readonly endpoint: Endpoint;
  readonly #client: Client;
  readonly #login: Login;
  readonly #timing: SessionTiming;
  readonly #requests = new Set<Cancelable>();
  readonly #abort = new AbortController();
  #stream: WatchStream | undefined;
  /** What {@link #stream} was opened with. */
  #streamToken: string | undefined;

  private constructor(endpoint: Endpoint, client: Client, login: Login, timing: SessionTiming) {
    this.endpoint = endpoint;
    this.#client = client;
    this.#login = login;
    this.#timing = timing;
  }

  /** Connects with the first request. Throws `DatastoreError` where the files of the credentials can't be used. */
  static async open(
    endpoint: Endpoint,
    credentials: EtcdCredentials,
    login: Login,
    timing: SessionTiming,
  ): Promise<EtcdSession> {
    const client = new Client(endpoint.target, await channelCredentials(credentials, endpoint), {
      ...serverNameOptions(endpoint),
      'grpc.keepalive_time_ms': timing.keepaliveTime,
      'grpc.keepalive_timeout_ms': timing.keepaliveTimeout,
      'grpc.max_receive_message_length': LARGEST_RESPONSE,
      // Every connection is a new one, so that new certificates count.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
    });
    return new EtcdSession(endpoint, client, login, timing);
  }

  /** Aborted when the session ends, with the {@link EtcdError} that it ended for. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends it. Only the first reason counts. */
  end(reason: EtcdError): void {
    if (this.signal.aborted) return;
    this.#abort.abort(reason);
    this.#stream?.close(reason);
    for (const request of this.#requests) request.cancel();
    this.#client.close();
  }

  /** Rejects with an {@link EtcdError}, as {@link txn} does. */
  range(request: RangeRequest): Promise<RangeResponse> {
    return this.#request(RANGE, request);
  }

  txn(request: TxnRequest): Promise<TxnResponse> {
    return this.#request(TXN, request);
  }

  /**
   * Opens the stream of the watches, with the token that the last request was granted with; the session ends with it. May be
   * called once.
   */
  openWatches(heard: StreamListener['heard']): WatchStream {
    this.#streamToken = this.#login.token;
    const { path, serialize, deserialize } = WATCH;
    const call = this.#client.makeBidiStreamRequest(path, serialize, deserialize, metadataOf(this.#streamToken));
    this.#stream = new WatchStream(call, { heard, ended: (error) => this.end(error) });
    return this.#stream;
  }

  /**
   * Whether the stream was opened with a token that is of no use any more. A member does not tell that apart from a
   * missing right (etcd 3.4), so a request for a key is made, which gets a new token where it needs one.
   */
  async hasStaleStream(key: Buffer): Promise<boolean> {
    await this.range({ key, limit: 1, keysOnly: true }).catch((error: unknown) => {
      if (etcdError(error).kind === 'unavailable') throw error;
    });
    return this.#login.token !== this.#streamToken;
  }

  async #request<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
    if (this.#login.hasUser && this.#login.token === undefined) await this.#logIn(undefined);
    const { token } = this.#login;
    try {
      return await this.#send(method, request, token);
    } catch (error) {
      if (!this.#login.hasUser || etcdError(error).kind !== 'stale-token') throw error;
      await this.#logIn(token);
      return this.#send(method, request, this.#login.token);
    }
  }

  #logIn(stale: string | undefined): Promise<void> {
    return this.#login.renew(stale, async (request) => (await this.#send(AUTHENTICATE, request, undefined)).token);
  }

  #send<Request, Response>(
    { path, serialize, deserialize }: Method<Request, Response>,
    request: Request,
    token: string | undefined,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (this.signal.aborted) {
        reject(etcdError(this.signal.reason));
        return;
      }
      const options = { deadline: Date.now() + this.#timing.requestTimeout };
      const metadata = metadataOf(token);
      const call = this.#client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        metadata,
        options,
        (error, response) => {
          this.#requests.delete(call);
          if (response === undefined) reject(etcdError(this.signal.aborted ? this.signal.reason : error));
          else resolve(response);
        },
      );
      this.#requests.add(call);
    });
  }
}

/** A member without a leader refuses then, instead of knowing nothing new for ever. */
function metadataOf(token: string | undefined): Metadata {
  const metadata = new Metadata();
  metadata.set('hasleader', 'true');
  if (token !== undefined && token !== '') metadata.set('token', token);
  return metadata;
}

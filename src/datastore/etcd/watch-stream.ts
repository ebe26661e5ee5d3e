/** Watches of etcd that share one stream, and so come and go with it. */
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { EtcdError, cancelError, etcdError } from './etcd-error.ts';
import type { WatchCreateRequest, WatchEvent, WatchRequest, WatchResponse } from './rpc.ts';

export interface WatchListener {
  /** The member has taken the watch on; what it said before that is no news about the keys. */
  created(): void;
  /** All that is different from one or several revisions, in their order; a revision is never cut in two. */
  changed(events: readonly WatchEvent[]): void;
  /** Nothing is different up to this revision. */
  progressed(revision: number): void;
}

interface Watch {
  readonly listener: WatchListener;
  readonly end: (error: EtcdError) => void;
  /** Events whose revision has more of them to come. */
  fragments: readonly WatchEvent[];
}

export interface StreamListener {
  /** The member was at this revision of the store when it said something; `progress` where it was asked to. */
  heard(revision: number, progress: boolean): void;
  ended(error: EtcdError): void;
}

export class WatchStream {
  readonly #call: ClientDuplexStream<WatchRequest, WatchResponse>;
  readonly #listener: StreamListener;
  /** Not answered yet. A member answers in the order of the requests, and where it refuses one without an id. */
  readonly #requested: Watch[] = [];
  readonly #watches = new Map<number, Watch>();
  #ended: EtcdError | undefined;

  constructor(call: ClientDuplexStream<WatchRequest, WatchResponse>, listener: StreamListener) {
    this.#call = call;
    this.#listener = listener;
    call.on('data', (response: WatchResponse) => this.#receive(response));
    call.on('error', (error) => this.#end(etcdError(error)));
    call.on('end', () => this.#end(new EtcdError('unavailable', 'the member has closed the connection')));
  }

  /** Watches until the member ends it, which is the reason that the promise is rejected with: always an {@link EtcdError}. */
  watch(request: WatchCreateRequest, listener: WatchListener): Promise<never> {
    return new Promise((_, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      this.#requested.push({ listener, end: reject, fragments: [] });
      this.#call.write({ createRequest: request });
    });
  }

  /** Asks how far the member is. */
  requestProgress(): void {
    if (this.#ended === undefined) this.#call.write({ progressRequest: {} });
  }

  /** Ends all watches. */
  close(error: EtcdError): void {
    this.#end(error);
    this.#call.cancel();
  }

  #receive(response: WatchResponse): void {
    const { watchId, created, canceled, header } = response;
    if (created) this.#created(response);
    else if (canceled) this.#canceled(response);
    else this.#changed(response);
    this.#listener.heard(header.revision, watchId < 0 && !created && !canceled);
  }

  #created({ watchId, canceled, cancelReason, compactRevision }: WatchResponse): void {
    const watch = this.#requested.shift();
    if (watch === undefined) return;
    if (canceled) {
      watch.end(cancelError(cancelReason, compactRevision));
      return;
    }
    this.#watches.set(watchId, watch);
    watch.listener.created();
  }

  #canceled({ watchId, cancelReason, compactRevision }: WatchResponse): void {
    const watch = this.#watches.get(watchId);
    this.#watches.delete(watchId);
    watch?.end(cancelError(cancelReason, compactRevision));
  }

  #changed({ watchId, header, events, fragment }: WatchResponse): void {
    const watch = this.#watches.get(watchId);
    if (watch === undefined) return;
    const all = watch.fragments.length === 0 ? events : [...watch.fragments, ...events];
    watch.fragments = fragment ? all : [];
    if (fragment) return;
    if (all.length > 0) watch.listener.changed(all);
    else watch.listener.progressed(header.revision);
  }

  #end(error: EtcdError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    for (const watch of [...this.#requested, ...this.#watches.values()]) watch.end(error);
    this.#requested.length = 0;
    this.#watches.clear();
    this.#listener.ended(error);
  }
}

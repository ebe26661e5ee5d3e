/**
 * The end of the start: from when on kernel routes that nobody wants are leftovers of an earlier run. Until every peer has
 * told all it has, or has had the time to, what is in the kernel may still be wanted again (as in RFC 4724 §4.1).
 */

/** What a peer has done so far. */
export interface PeerProgress {
  /** No session is to be expected: switched off, held down. */
  readonly off: boolean;
  /** Whether End-of-RIB came for every family negotiated. */
  readonly complete: boolean;
}

/** How long peers are waited for, in milliseconds: the restart time that Calico's nodes announce. */
const PATIENCE = 120_000;

export class InitialSync {
  private done = false;
  private synced = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly finish: () => void;

  /** `finish` is called once, when the start is over. */
  constructor(finish: () => void) {
    this.finish = finish;
  }

  /** The datastore has said all that it knows: from now on the peers are known. */
  datastoreSynced(): void {
    if (this.synced) return;
    this.synced = true;
    this.timer = setTimeout(() => this.end(), PATIENCE);
    this.timer.unref();
  }

  /** Something about the peers changed. */
  check(peers: Iterable<PeerProgress>): void {
    if (this.done || !this.synced) return;
    for (const { off, complete } of peers) if (!off && !complete) return;
    this.end();
  }

  stop(): void {
    this.done = true;
    clearTimeout(this.timer);
  }

  private end(): void {
    if (this.done) return;
    this.stop();
    this.finish();
  }
}

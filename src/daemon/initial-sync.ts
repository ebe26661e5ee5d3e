/**
 * The end of the start. Until every peer has told all it has, or has had the time to, this router does not know all it has to
 * tell, and what is in the kernel may still be wanted again (RFC 4724 §4.1).
 */

/** What a peer has done so far. */
export interface PeerProgress {
  /** No session is to be expected: switched off, held down. */
  readonly off: boolean;
  /** Whether End-of-RIB came for every family negotiated. */
  readonly complete: boolean;
  /** Whether the peer says that it has restarted itself, and so waits for others. */
  readonly restarting: boolean;
}

/** How long peers are waited for, in milliseconds: the restart time that Calico's nodes announce. */
const PATIENCE = 120_000;

/** What follows from the end of the start, each called once. */
export interface InitialSyncSteps {
  /** Peers may be told that they know everything. Who waits for others is not waited for: two of them would wait for ever. */
  readonly tell: () => void;
  /** What nobody told is wanted no more. */
  readonly finish: () => void;
}

export class InitialSync {
  private told = false;
  private done = false;
  private synced = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly steps: InitialSyncSteps;

  constructor(steps: InitialSyncSteps) {
    this.steps = steps;
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
    let isEnd = true;
    for (const { off, complete, restarting } of peers) {
      if (off || complete) continue;
      // Whatever the others do: of thousands of peers the first one that is awaited is enough.
      if (!restarting) return;
      isEnd = false;
    }
    if (isEnd) this.end();
    else this.tell();
  }

  stop(): void {
    this.done = true;
    clearTimeout(this.timer);
  }

  private tell(): void {
    if (this.told) return;
    this.told = true;
    this.steps.tell();
  }

  private end(): void {
    if (this.done) return;
    this.stop();
    this.tell();
    this.steps.finish();
  }
}

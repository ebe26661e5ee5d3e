/**
 * The TCP MD5 keys of a session during a rotation. The kernel takes one key for a peer at a time, so two keys take turns: where
 * nothing comes in with the one in use, the other one is tried.
 */

/** How the session is, as far as silence means anything. */
export interface Silence {
  /** Bytes that have come in so far. */
  readonly bytesReceived: number;
  /** How long hearing nothing is as it should be, in milliseconds: Infinity where there may be nothing to hear. */
  readonly patience: number;
}

export interface KeyRotationOptions {
  readonly keys: readonly string[];
  readonly silence: () => Silence;
  /** Called when another key is in use: undefined for none. */
  readonly changed: (key: string | undefined) => void;
  /** The kernel did not take a key. */
  readonly failed: (error: Error) => void;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** Bounds of the time between two looks, milliseconds. It varies, lest both ends change their keys in step for ever. */
const SHORTEST = 2_000;
const LONGEST = 6_000;

export class KeyRotation {
  #keys: readonly string[];
  #current: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #heard = 0;
  #heardAt = performance.now();
  #turnedAt = -Infinity;
  readonly #options: KeyRotationOptions;

  constructor(options: KeyRotationOptions) {
    this.#options = options;
    this.#keys = options.keys;
    [this.#current] = options.keys;
  }

  /** The key in use. */
  get current(): string | undefined {
    return this.#current;
  }

  /** Looks from now on whether the key in use is the right one, where there is another. */
  start(): void {
    clearTimeout(this.#timer);
    if (this.#keys.length < 2) return;
    const { silence, failed, random } = this.#options;
    const delay = SHORTEST + (LONGEST - SHORTEST) * random();
    this.#timer = setTimeout(
      () => {
        try {
          this.#look();
        } catch (error) {
          failed(error as Error);
        }
        this.start();
      },
      Math.min(delay, silence().patience / 8 || delay),
    );
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Takes other keys. One that is in use stays so while it is among them. */
  set(keys: readonly string[]): void {
    this.#keys = keys;
    if (this.#current === undefined || !keys.includes(this.#current)) this.#use(keys[0]);
    this.start();
  }

  #look(): void {
    const { bytesReceived, patience } = this.#options.silence();
    const now = performance.now();
    if (bytesReceived !== this.#heard) [this.#heard, this.#heardAt] = [bytesReceived, now];
    // What the peer sends again and again comes ever more rarely: the other key gets the time to meet it.
    if (now - this.#heardAt < patience || now - this.#turnedAt < patience * 0.75) return;
    this.#turnedAt = now;
    this.#use(this.#keys[(this.#keys.indexOf(this.#current!) + 1) % this.#keys.length]);
  }

  #use(key: string | undefined): void {
    if (key === this.#current) return;
    this.#current = key;
    this.#options.changed(key);
  }
}

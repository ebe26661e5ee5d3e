/** Instants as the API writes them. */
import type { PastTimestamp, Timestamp } from './types.ts';

/** An instant given in milliseconds since 1970. */
export function toTimestamp(milliseconds: number): Timestamp {
  return { time: new Date(milliseconds).toISOString(), epochSeconds: milliseconds / 1000 };
}

/** An instant and how long ago it was at `now`, both in milliseconds since 1970. */
export function toPastTimestamp(milliseconds: number, now: number): PastTimestamp {
  return { ...toTimestamp(milliseconds), agoSeconds: Math.max(0, now - milliseconds) / 1000 };
}

/** Listings that may be long: written to the client as they are made, so that neither memory nor the event loop suffers. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { Slice } from './process-view.ts';

/** Most entries asked of the daemon in one turn of the event loop. */
const ENTRIES_PER_TURN = 500;

/** Asks the daemon for about `limit` entries from a position on. */
export type SliceSource<T> = (position: number, limit: number) => Slice<T> | Promise<Slice<T>>;

/**
 * Writes `{"<name>": [...], "nextCursor": "..." | null}` with at least `limit` entries where there are so many (an entry
 * more where one prefix has several paths), beginning at `position`. Stops when the client goes away.
 * An error of the first slice is thrown before anything is written.
 */
export async function sendListing<T>(
  response: ServerResponse,
  name: string,
  source: SliceSource<T>,
  position: number,
  limit: number,
): Promise<void> {
  let slice = await source(position, Math.min(limit, ENTRIES_PER_TURN));
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  let text = `{"${name}":[`;
  let written = 0;
  for (;;) {
    for (const item of slice.items) {
      text += written++ === 0 ? '\n' : ',\n';
      text += JSON.stringify(item);
    }
    if (slice.next === null || written >= limit) break;
    if (response.destroyed) return;
    await writeAndYield(response, text);
    text = '';
    slice = await source(slice.next, Math.min(limit - written, ENTRIES_PER_TURN));
  }
  const nextCursor = slice.next === null ? null : String(slice.next);
  response.end(`${text}],\n"nextCursor":${JSON.stringify(nextCursor)}}\n`);
}

async function writeAndYield(response: ServerResponse, text: string): Promise<void> {
  if (text === '' || response.write(text)) return setImmediate();
  // 'close' comes without 'drain' when the client goes away.
  const abort = new AbortController();
  const options = { signal: abort.signal };
  try {
    await Promise.race([once(response, 'drain', options), once(response, 'close', options)]);
  } finally {
    abort.abort();
  }
}

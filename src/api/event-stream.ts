/** Events as server-sent events (WHATWG HTML §9.2). */
import type { ServerResponse } from 'node:http';
import type { ProcessView } from './process-view.ts';
import type { ProcessEvent } from './types.ts';

/** A comment is sent this often so that proxies keep the connection and a vanished client is noticed. Milliseconds. */
const HEARTBEAT_INTERVAL = 15_000;

/** A client that reads so slowly that more than this many bytes wait for it is cut off; it may come back with Last-Event-ID. */
const MAX_PENDING_BYTES = 1 << 20;

/** Sends the events kept after `after`, then new ones, until the client goes away or the server closes. */
export function sendEventStream(response: ServerResponse, view: ProcessView, after: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(': connected\n\n');
  for (const event of view.events(after)) response.write(eventText(event));
  const send = (text: string): void => {
    if (response.writableLength > MAX_PENDING_BYTES) response.destroy();
    else response.write(text);
  };
  const unsubscribe = view.subscribe((event) => send(eventText(event)));
  const heartbeat = setInterval(() => send(':\n\n'), HEARTBEAT_INTERVAL);
  heartbeat.unref();
  response.on('close', () => {
    clearInterval(heartbeat);
    unsubscribe();
  });
}

function eventText(event: ProcessEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

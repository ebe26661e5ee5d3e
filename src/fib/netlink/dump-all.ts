/**
 * Dumps that are whole: the kernel marks one during which its tables changed, and it is asked again.
 */
import type { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import type { NetlinkClient } from './netlink-client.ts';

/** How often to ask: where a table never holds still, the last answer has to do, and notifications mend it. */
const MAX_ATTEMPTS = 5;

/** Calls `attempt` until it returns true, a few times at most. Returns whether it did. */
export function untilConsistent(attempt: () => boolean): boolean {
  for (let i = 0; i < MAX_ATTEMPTS; i++) if (attempt()) return true;
  return false;
}

/**
 * Everything that `read` makes of the answers to the dump request that `write` writes; undefined is left out.
 * Throws {@link NetlinkError} with `request` as what was asked.
 */
export function dumpAll<T>(
  client: NetlinkClient,
  request: string,
  write: (writer: MessageWriter) => void,
  read: (message: MessageReader) => T | undefined,
): T[] {
  const writer = new MessageWriter(64);
  let items: T[] = [];
  untilConsistent(() => {
    items = [];
    writer.clear();
    write(writer);
    return client.dump(writer, request, (message) => {
      const item = read(message);
      if (item !== undefined) items.push(item);
    });
  });
  return items;
}

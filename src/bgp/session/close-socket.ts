import type { Socket } from 'node:net';

/** How long the peer may take to read what is left and to close its side, milliseconds. */
const CLOSE_TIMEOUT = 3_000;

/**
 * Closes a TCP connection. With `last` what is queued and that is sent first, and the peer has a few seconds to read it;
 * without, it is closed at once. The promise resolves when the socket is closed.
 */
export function closeSocket(socket: Socket, last: Uint8Array | undefined): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    if (last === undefined || socket.connecting) {
      socket.destroy();
      return;
    }
    // Data that stays unread would make the kernel reset the connection and take the NOTIFICATION along.
    socket.resume();
    socket.end(last);
  });
}

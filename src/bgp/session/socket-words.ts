/** What went wrong with a connection, in words for people. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the peer reset the connection',
  EPIPE: 'the peer closed the connection',
  ETIMEDOUT: 'connection timed out: the peer answers nothing',
  EHOSTUNREACH: 'the peer cannot be reached (no route to host)',
  ENETUNREACH: 'there is no route to the peer',
  ENETDOWN: 'the network interface towards the peer is down',
  EADDRNOTAVAIL: 'the source address of the session is not on this node',
  EADDRINUSE: 'the source address and port of the session are in use',
  EACCES: 'the system does not permit a connection to the peer',
  EPERM: 'the system does not permit a connection to the peer',
  ENODEV: 'the network interface of the session does not exist',
  ENOBUFS: 'the system has no memory for the connection',
};

/** Words for the error of a socket. */
export function describeSocketError(error: Error): string {
  const { code } = error as { code?: unknown };
  return (typeof code === 'string' ? WORDS[code] : undefined) ?? error.message;
}

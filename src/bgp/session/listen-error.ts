/** An address and port that cannot be listened on. */
export class ListenError extends Error {
  readonly code: 'ADDRESS_IN_USE' | 'NOT_PERMITTED' | 'ADDRESS_NOT_HERE' | 'LISTEN_FAILED';
  readonly address: string;
  readonly port: number;

  constructor(address: string, port: number, cause: Error) {
    const { code, words } = explain(address, port, cause);
    super(words, { cause });
    this.name = 'ListenError';
    this.code = code;
    this.address = address;
    this.port = port;
  }
}

function explain(address: string, port: number, cause: Error): { code: ListenError['code']; words: string } {
  const place = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  switch ('code' in cause ? cause.code : undefined) {
    case 'EADDRINUSE':
      return {
        code: 'ADDRESS_IN_USE',
        words: `cannot listen on ${place}: another program listens there (see: ss -ltnp sport = :${port})`,
      };
    case 'EACCES':
    case 'EPERM':
      if (port >= 1024 || port === 0)
        return { code: 'NOT_PERMITTED', words: `cannot listen on ${place}: ${cause.message}` };
      return {
        code: 'NOT_PERMITTED',
        words: `cannot listen on ${place}: a port below 1024 needs root or the capability CAP_NET_BIND_SERVICE`,
      };
    case 'EADDRNOTAVAIL':
    case 'ENODEV':
      return { code: 'ADDRESS_NOT_HERE', words: `cannot listen on ${place}: the address is not on this node` };
    default:
      return { code: 'LISTEN_FAILED', words: `cannot listen on ${place}: ${cause.message}` };
  }
}

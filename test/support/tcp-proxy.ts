/** A TCP proxy that can lose a connection in the ways a network does. */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** What to do with what a server sends; undefined where nothing is passed on and the connection is cut. */
export type Inspect = (chunk: Buffer) => Buffer | undefined;

export interface TcpProxyOptions {
  /** The port of the loopback interface that it leads to. */
  readonly target: number;
  /** Its own port; any that is free when left out. */
  readonly port?: number;
  /** Its own address; 127.0.0.1 when left out. */
  readonly address?: string;
  /** Makes the inspection of the answers on a new connection. */
  readonly inspectAnswers?: () => Inspect;
  /** Told the first bytes of each connection; a connection that gets false is ended. */
  readonly admit?: (first: Buffer) => boolean;
}

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that were taken so far. */
  readonly accepted: number;
  /** Passes nothing on any more, neither on the connections that there are nor on new ones, and tells nobody. */
  hold(): void;
  /** Passes everything on again, what came in between included. */
  release(): void;
  /** Ends all connections. */
  cut(): void;
  /** Ends the connections whose first bytes `match`. */
  cutWhere(match: (first: Buffer) => boolean): void;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  first: Buffer | undefined;
}

export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let accepted = 0;
  let held = false;
  const end = (pair: Pair) => {
    pair.client.destroy();
    pair.server.destroy();
    pairs.delete(pair);
  };
  const listener = createServer((client) => {
    accepted += 1;
    const server = connect(options.target, '127.0.0.1');
    const pair: Pair = { client, server, first: undefined };
    const inspect = options.inspectAnswers?.();
    pairs.add(pair);
    client.on('data', (chunk) => {
      const isRefused = pair.first === undefined && options.admit?.(chunk) === false;
      pair.first ??= chunk;
      if (isRefused) end(pair);
      else server.write(chunk);
    });
    server.on('data', (chunk) => {
      const passed = inspect === undefined ? chunk : inspect(chunk);
      if (passed !== undefined) client.write(passed);
      else client.end(() => end(pair));
    });
    for (const socket of [client, server]) {
      socket.on('error', () => end(pair)).on('close', () => end(pair));
      if (held) socket.pause();
    }
  });
  await new Promise<void>(
    (resolve) => void listener.listen(options.port ?? 0, options.address ?? '127.0.0.1', resolve),
  );
  const each = (action: (socket: Socket) => void) => {
    for (const { client, server } of pairs) [client, server].forEach(action);
  };
  const cutWhere = (match: (first: Buffer) => boolean) => {
    for (const pair of pairs) if (pair.first !== undefined && match(pair.first)) end(pair);
  };
  return {
    port: (listener.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    hold() {
      held = true;
      each((socket) => socket.pause());
    },
    release() {
      held = false;
      each((socket) => socket.resume());
    },
    cut: () => pairs.forEach(end),
    cutWhere,
    async [Symbol.asyncDispose]() {
      pairs.forEach(end);
      await new Promise((resolve) => void listener.close(resolve));
    },
  };
}

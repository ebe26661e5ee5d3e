/** TCP connections made in another network namespace and used in this process. */
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

import type { Namespace } from './namespaces.ts';

/** Where to connect to, and from which address. */
export interface ConnectOptions {
  readonly host: string;
  readonly port?: number;
  readonly localAddress: string;
  readonly timeoutMs?: number;
}

/**
 * A socket belongs to the namespace it was made in, whichever process holds it: this program connects there, trying
 * again while it is refused, and passes the socket on without having read from it.
 */
const PROGRAM = `
const { connect } = require('node:net');
const options = JSON.parse(process.argv[1]);
const deadline = Date.now() + options.timeoutMs;
function attempt() {
  const socket = connect({ host: options.host, port: options.port, localAddress: options.localAddress });
  socket.pause();
  socket.once('connect', () => process.send('connected', socket, () => process.disconnect()));
  socket.once('error', (error) => {
    if (Date.now() > deadline) { process.send(String(error)); process.disconnect(); }
    else setTimeout(attempt, 50);
  });
}
attempt();
`;

/** Connects from within a namespace. Rejects where nobody accepts within `timeoutMs` (10 s). */
export function connectFrom(namespace: Namespace, options: ConnectOptions): Promise<Socket> {
  const job = JSON.stringify({ port: 179, timeoutMs: 10_000, ...options });
  const child = spawn(
    'nsenter',
    [`--net=/run/netns/${namespace.name}`, 'setpriv', '--pdeathsig', 'KILL', process.execPath, '-e', PROGRAM, job],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  return new Promise((resolve, reject) => {
    const failed = (why: string) =>
      reject(new Error(`cannot connect to ${options.host} from ${options.localAddress}: ${why}`));
    child.once('message', (message, handle) => {
      if (handle instanceof Socket) resolve(handle);
      else failed(JSON.stringify(message));
    });
    child.once('exit', (code) => failed(`exit code ${code}`));
    child.once('error', (error) => failed(error.message));
  });
}

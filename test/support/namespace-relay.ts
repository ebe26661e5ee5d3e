/** Lets what runs in a network namespace reach a port of this one's loopback interface, at the same address. */
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { ProcessSpace } from './processes.ts';
import { start } from './processes.ts';
import { createScratch } from './scratch.ts';
import { waitFor } from './wait-for.ts';

/** Runs in the namespace: what connects to the port goes on by a Unix socket, which belongs to no namespace. */
const SCRIPT = `
const { connect, createServer } = require('node:net');
const [socket, port] = process.argv.slice(1);
createServer((from) => {
  const to = connect(socket);
  for (const [one, other] of [[from, to], [to, from]]) one.on('error', () => {}).on('close', () => other.destroy()).pipe(other);
}).listen(Number(port), '127.0.0.1', () => console.log('listens'));
`;

/** Relays until it is disposed; where nobody listens on the port, connections are taken and closed. */
export async function relayPort(port: number, space: ProcessSpace): Promise<AsyncDisposable> {
  const scratch = createScratch('relay');
  const path = join(scratch.path, 'socket');
  const server = createServer((from) => {
    const to = connect(port, '127.0.0.1');
    from
      .on('error', () => {})
      .on('close', () => to.destroy())
      .pipe(to);
    to.on('error', () => {})
      .on('close', () => from.destroy())
      .pipe(from);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const inside = start(['node', '--eval', SCRIPT, path, String(port)], { name: 'relay', space });
  await waitFor(() => inside.output().includes('listens') || !inside.running(), { what: 'the relay to listen' });
  return {
    async [Symbol.asyncDispose]() {
      await inside.stop();
      server.close();
      scratch[Symbol.dispose]();
    },
  };
}

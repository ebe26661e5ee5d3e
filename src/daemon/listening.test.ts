import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAMILIES } from '../net/family.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import { loopbackAddress, testEnvironment } from '../../test/support/session-peers.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { EventLog } from '../process/event-log.ts';
import { Listening } from './listening.ts';

const [OWN, OTHER, PEER] = [loopbackAddress(), loopbackAddress(), loopbackAddress()];

const NEIGHBOUR: Neighbour = {
  key: PEER,
  address: PEER,
  port: 179,
  peerAs: 65000,
  localAs: 65001,
  external: true,
  localAddresses: {},
  holdTime: 90,
  restartTime: 120,
  passive: false,
  families: FAMILIES,
  allowLocalAs: 0,
  nextHopMode: 'auto',
  filters: [],
  reflectorClient: false,
  addPaths: { send: true, receive: true },
  gracefulRestartMode: 'full',
  localPreference: 'auto',
  password: { kind: 'none' },
  type: 'global',
  labels: {},
  source: 'BGPPeer tor',
  reason: 'A test.',
};

let events: EventLog;
let listening: Listening;
let port: number;
let accepted: Socket[];

beforeEach(async () => {
  events = new EventLog(Date.now);
  accepted = [];
  listening = new Listening({
    kernel: testEnvironment().kernel,
    events,
    accepted: (_, socket) => {
      socket.on('error', () => undefined);
      accepted.push(socket);
    },
  });
  listening.add(NEIGHBOUR);
  port = await freePort();
});

afterEach(() => {
  listening.close();
  for (const socket of accepted) socket.destroy();
});

/** A port on which nobody listens, on no address. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '0.0.0.0', resolve));
  const { port: found } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return found;
}

/** Connects as the neighbour; resolves with the error's code where nobody listens. */
function tryToConnect(host: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, localAddress: PEER });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
  });
}

const reachable = async () => [await tryToConnect(OWN), await tryToConnect(OTHER)];

describe('listening', () => {
  it('is on the addresses that are wanted, and follows a change', async () => {
    await listening.listen({ addresses: [OWN], port });
    expect(await reachable()).toEqual(['connected', 'ECONNREFUSED']);
    await listening.listen({ addresses: ['0.0.0.0'], port });
    expect(await reachable()).toEqual(['connected', 'connected']);
    await listening.listen({ addresses: [OTHER], port });
    expect(await reachable()).toEqual(['ECONNREFUSED', 'connected']);
    await listening.listen({ addresses: [], port });
    expect(await reachable()).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
    expect(listening.problems).toEqual([]);
  });

  it('leaves connections and addresses alone that a change is not about', async () => {
    await listening.listen({ addresses: [OWN], port });
    const socket = connect({ host: OWN, port, localAddress: PEER });
    let ended = false;
    socket.on('close', () => (ended = true));
    await waitFor(() => accepted.length === 1, { what: 'the connection' });
    // The last of several changes at once is what counts.
    void listening.listen({ addresses: [], port });
    await listening.listen({ addresses: [OTHER, OWN], port });
    expect(await reachable()).toEqual(['connected', 'connected']);
    expect(ended).toBe(false);
    socket.destroy();
  });

  it('moves to another port', async () => {
    await listening.listen({ addresses: [OWN], port });
    const old = port;
    port = await freePort();
    await listening.listen({ addresses: [OWN], port });
    expect(await tryToConnect(OWN)).toBe('connected');
    port = old;
    expect(await tryToConnect(OWN)).toBe('ECONNREFUSED');
  });

  it('says which address it can not listen on, and forgets it when it is no longer wanted', async () => {
    await listening.listen({ addresses: [OWN, '192.0.2.1'], port });
    expect(listening.problems).toEqual([`cannot listen on 192.0.2.1:${port}: the address is not on this node`]);
    expect(events.after(0).map(({ subject }) => subject)).toEqual([`192.0.2.1:${port}`]);
    expect(await tryToConnect(OWN)).toBe('connected');
    await listening.listen({ addresses: [OWN], port });
    expect(listening.problems).toEqual([]);
  });
});

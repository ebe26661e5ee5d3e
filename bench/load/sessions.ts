/** Sessions of the load generator with the daemon under test. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { Speaker } from '../../test/support/bgp/speaker.ts';
import { HOLD_TIME } from '../plan.ts';
import type { Neighbour } from '../plan.ts';

const BGP_PORT = 179;
/** BIRD with a thousand neighbours is busy for minutes. */
const CONNECT_TIMEOUT_MS = 300_000;

function tryConnect(host: string, localAddress: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: BGP_PORT, localAddress });
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

/**
 * Brings a session up, trying again (every few milliseconds) while the daemon refuses or closes. `prepare` is called with each
 * attempt before it hears anything.
 */
export async function establish(
  neighbour: Neighbour,
  retryMs = 20,
  holdTime = HOLD_TIME,
  addPaths = false,
  prepare: (speaker: Speaker) => void = () => undefined,
): Promise<Speaker> {
  const deadline = performance.now() + CONNECT_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const socket = await tryConnect(neighbour.daemon, neighbour.address);
    if (socket !== undefined) {
      const speaker = new Speaker(socket, {
        asn: neighbour.asn,
        holdTime,
        routerId: neighbour.address,
        families: ['ipv4'],
        addPaths,
      });
      prepare(speaker);
      const up = await speaker.established.then(
        () => true,
        () => false,
      );
      if (up) return speaker;
    }
    await sleep(retryMs);
  }
  throw new Error(`no session as ${neighbour.address} with ${neighbour.daemon} within ${CONNECT_TIMEOUT_MS} ms`);
}

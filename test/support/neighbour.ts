/** A neighbour played by the test: announces prepared routes and remembers what it is told. */
import { encodeAttributes } from './bgp/attributes.ts';
import type { PathAttributes } from './bgp/attributes.ts';
import {
  encodeIpv4Announcement,
  encodeIpv6Announcement,
  encodeNlri,
  encodeWithdrawal,
  decodeUpdate,
} from './bgp/messages.ts';
import type { OpenParameters } from './bgp/messages.ts';
import { Speaker } from './bgp/speaker.ts';
import type { Namespace } from './namespaces.ts';
import { connectFrom } from './sockets.ts';
import type { ConnectOptions } from './sockets.ts';

/** A route as announced. */
export interface TestRoute {
  readonly prefix: string;
  readonly attributes: PathAttributes;
}

/** A neighbour of a router. */
export interface TestNeighbour extends Disposable {
  /** What the router announces at present, by prefix. */
  readonly routes: ReadonlyMap<string, PathAttributes>;
  announce(routes: readonly TestRoute[]): void;
  withdraw(prefixes: readonly string[]): void;
}

/** An established session of the test with a router. */
export interface TestSession extends TestNeighbour {
  /** Routes that the router took back. */
  readonly withdrawals: number;
  /** Says that all routes of both families are announced (RFC 4724 section 2). */
  endOfRib(): void;
}

function encodeRoute({ prefix, attributes }: TestRoute): Buffer {
  const block = encodeAttributes(attributes);
  if (prefix.includes(':')) return encodeIpv6Announcement(block, attributes.nextHop ?? '::', [prefix]);
  return encodeIpv4Announcement(block, Uint8Array.from(encodeNlri([prefix])));
}

function isIpv6(prefix: string): boolean {
  return prefix.includes(':');
}

/** Connects to a router and waits until the session is established. */
export async function openNeighbour(
  namespace: Namespace,
  connect: ConnectOptions,
  open: OpenParameters,
): Promise<TestSession> {
  const speaker = new Speaker(await connectFrom(namespace, connect), open);
  const routes = new Map<string, PathAttributes>();
  let withdrawals = 0;
  speaker.onUpdate = (buffer, start, end) => {
    const update = decodeUpdate(buffer.subarray(start, end));
    for (const prefix of update.withdrawn) if (routes.delete(prefix)) withdrawals++;
    // Some routers send a route back to where it came from; a loop is no route (RFC 4271 section 9.1.2).
    const loops = update.attributes.asPath?.flat().includes(open.asn) === true;
    for (const prefix of update.announced)
      if (loops) routes.delete(prefix);
      else routes.set(prefix, update.attributes);
  };
  await speaker.established;
  return {
    routes,
    get withdrawals() {
      return withdrawals;
    },
    announce: (all) => speaker.write(Buffer.concat(all.map(encodeRoute))),
    withdraw(prefixes) {
      speaker.write(
        encodeWithdrawal(
          'ipv4',
          prefixes.filter((prefix) => !isIpv6(prefix)),
        ),
      );
      speaker.write(encodeWithdrawal('ipv6', prefixes.filter(isIpv6)));
    },
    // An UPDATE that withdraws nothing.
    endOfRib: () => speaker.write(Buffer.concat([encodeWithdrawal('ipv4', []), encodeWithdrawal('ipv6', [])])),
    [Symbol.dispose]: () => speaker.close(),
  };
}

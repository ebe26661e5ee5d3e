/** The one node of the cluster, beside that of the daemon, that is there: it tells when it hears of a prefix. */
import { decodeUpdate } from '../../test/support/bgp/messages.ts';
import { describeEnd } from '../../test/support/bgp/speaker.ts';
import { DAEMON, PEER } from '../cluster/nodes.ts';
import type { Measurement } from '../plan.ts';
import { DUT_ASN } from '../plan.ts';
import { establish } from './sessions.ts';

/** What is written for each prefix that is announced or withdrawn, a line each. */
export interface Heard {
  readonly prefix: string;
  readonly change: 'announced' | 'withdrawn';
  /** On the monotonic clock, in nanoseconds. */
  readonly at: string;
}

/** Never ends by itself. Throws where the session does. */
export async function hearBlocks(): Promise<Measurement> {
  const neighbour = { address: PEER.address, asn: DUT_ASN, daemon: DAEMON.address };
  const speaker = await establish(neighbour, 20, undefined, false, (started) => {
    started.onUpdate = (buffer, start, end) => {
      const at = process.hrtime.bigint().toString();
      const { announced, withdrawn } = decodeUpdate(buffer.subarray(start, end));
      const tell = (heard: Heard) => void process.stdout.write(`${JSON.stringify(heard)}\n`);
      for (const prefix of announced) tell({ prefix, change: 'announced', at });
      for (const prefix of withdrawn) tell({ prefix, change: 'withdrawn', at });
    };
  });
  throw new Error(`the session ended: ${describeEnd(await speaker.closed)}`);
}

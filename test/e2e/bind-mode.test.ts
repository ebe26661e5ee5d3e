/** Where the daemon listens, as `bindMode` says, and that a session does not notice when that changes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNamespace, link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { run } from '../support/processes.ts';
import { startBird } from '../support/routers/bird.ts';
import type { Router } from '../support/routers/router.ts';
import { starlingResources, startStarling } from '../support/routers/starling.ts';
import type { StarlingRouter } from '../support/routers/starling.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';

const ASN = 65_010;
const ADDRESS = '10.89.3.1';
const ADDRESS6 = '2001:db8:89:3::1';
const PEER = '10.89.3.2';
const PEER_ASN = 65_020;
const FAMILIES = ['ipv4'] as const;
const PATIENCE = { timeout: 10_000 };

function resources(bindMode: string, address6?: string): object[] {
  const config = { asn: ASN, routerId: ADDRESS, address: ADDRESS, ...(address6 !== undefined && { address6 }) };
  const neighbours = [{ address: PEER, asn: PEER_ASN, families: FAMILIES }];
  return starlingResources({ ...config, neighbours }).map((one) =>
    'kind' in one && one.kind === 'BGPConfiguration' && 'spec' in one
      ? { ...one, spec: { ...(one.spec as object), bindMode } }
      : one,
  );
}

const missing = missingHere({ root: true, programs: ['bird', 'birdc', 'nsenter', 'setpriv', 'ss'] });

describe.skipIf(missing !== undefined)(`bindMode${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let dut: Namespace;
  let peer: Namespace;
  let starling: StarlingRouter;
  let bird: Router;
  let since: string;

  const show = () =>
    starling.api<{ state: string; flaps: number; since: { time: string } }>('GET', `/api/v1/peers/${PEER}`);

  /** The sockets that listen for BGP. */
  async function sockets(): Promise<string[]> {
    const lines = await run(['ss', '-ltnH', 'sport', '=', ':179'], { space: dut });
    return lines
      .split('\n')
      .flatMap((line) => line.split(/\s+/)[3] ?? [])
      .toSorted();
  }

  beforeAll(async () => {
    [dut, peer] = ['dut', 'peer'].map(createNamespace);
    link(
      { namespace: dut, addresses: [`${ADDRESS}/24`, `${ADDRESS6}/64`] },
      { namespace: peer, addresses: [`${PEER}/24`] },
    );
    starling = await startStarling(
      { asn: ASN, routerId: ADDRESS, address: ADDRESS, neighbours: [] },
      { namespace: dut },
    );
    starling.apply(resources('NodeIP'));
    const neighbours = [{ address: ADDRESS, asn: ASN, families: FAMILIES }];
    bird = await startBird(
      { asn: PEER_ASN, routerId: PEER, address: PEER, port: 1790, neighbours },
      { namespace: peer },
    );
    await waitFor(() => bird.neighbour(ADDRESS), {
      what: 'the session that BIRD opens',
      timeoutMs: 30_000,
      accept: ({ established }) => established,
    });
    since = (await show()).since.time;
  });

  afterAll(async () => {
    await bird?.[Symbol.asyncDispose]();
    await starling?.[Symbol.asyncDispose]();
    for (const namespace of [dut, peer]) namespace?.[Symbol.dispose]();
  });

  it('NodeIP listens on the addresses of the node, in its families only', async () => {
    await expect.poll(sockets, PATIENCE).toEqual([`${ADDRESS}:179`]);
    starling.apply(resources('NodeIP', ADDRESS6));
    await expect.poll(sockets, PATIENCE).toEqual([`${ADDRESS}:179`, `[${ADDRESS6}]:179`]);
  });

  it('None listens on all addresses', async () => {
    starling.apply(resources('None', ADDRESS6));
    await expect.poll(sockets, PATIENCE).toEqual(['0.0.0.0:179', '[::]:179']);
    starling.apply(resources('NodeIP', ADDRESS6));
    await expect.poll(sockets, PATIENCE).toEqual([`${ADDRESS}:179`, `[${ADDRESS6}]:179`]);
  });

  it('is changed without a session noticing', async () => {
    const { state, flaps, since: now } = await show();
    expect({ state, flaps, since: now.time }).toEqual({ state: 'Established', flaps: 0, since });
  });
});

import type { HeldChanges, PeerExplanation } from '../../api/peer-explanation-types.ts';
import type { ActionResult, PeerDetail, PeerSummary } from '../../api/types.ts';
import { peerPath } from '../arguments.ts';
import type { CommandContext } from '../command.ts';
import { present } from '../output/present.ts';
import { renderHeldChanges, renderPeerExplanation } from '../views/peer-explanation-view.ts';
import { renderPeers, stateOf } from '../views/peer-list-view.ts';
import { renderPeer } from '../views/peer-view.ts';

/** `starling peer list` */
export async function listPeers(context: CommandContext): Promise<number> {
  const { client, io, options } = context;
  const load = (): Promise<{ peers: PeerSummary[] }> => client.get('/api/v1/peers');
  const { peers } = await present(context, load, (answer, style) => renderPeers(answer.peers, style));
  if (options.expect === undefined) {
    if (peers.length === 0) io.writeError('no peers are configured\n');
    return 0;
  }
  const fault = notEstablished(peers);
  if (fault !== undefined) io.writeError(`expected: established; ${fault}\n`);
  return fault === undefined ? 0 : 1;
}

/** Why not all sessions are established, where that is so. Disabled peers don't count; no peers are no sessions. */
export function notEstablished(peers: readonly PeerSummary[]): string | undefined {
  const wanted = peers.filter(({ admin }) => admin === 'up');
  if (wanted.length === 0) return 'but there is no peer that is not disabled';
  const missing = wanted.filter(({ state }) => state !== 'Established');
  if (missing.length === 0) return undefined;
  const words = missing.map((peer) => {
    const error = peer.lastError === null ? '' : ` (${peer.lastError.words})`;
    return `${peer.address} is ${stateOf(peer)}${error}`;
  });
  return `but ${words.join(', ')}`;
}

/** `starling peer show ADDRESS` */
export async function showPeer(context: CommandContext): Promise<number> {
  const path = peerPath(context.arguments[0]);
  await present(context, () => context.client.get<PeerDetail>(path), renderPeer);
  return 0;
}

/** `starling peer reset ADDRESS` */
export async function resetPeer(context: CommandContext): Promise<number> {
  return change(context, 'reset', { kind: context.options.soft ?? 'hard' });
}

/** `starling peer disable ADDRESS` */
export async function disablePeer(context: CommandContext): Promise<number> {
  const { message } = context.options;
  return change(context, 'disable', message === undefined ? {} : { message });
}

/** `starling peer enable ADDRESS` */
export async function enablePeer(context: CommandContext): Promise<number> {
  return change(context, 'enable', {});
}

/** `starling peer explain ADDRESS|NODE|BGPPEER` */
export async function explainPeer(context: CommandContext): Promise<number> {
  const query = { of: context.arguments[0] };
  const load = (): Promise<PeerExplanation> => context.client.get('/api/v1/peers/explain', query);
  const { peers } = await present(context, load, renderPeerExplanation);
  return peers.length === 0 ? 1 : 0;
}

/** `starling peer confirm` */
export async function confirmPeers(context: CommandContext): Promise<number> {
  const { client, io, options } = context;
  if (options.yes) {
    const { words } = await client.change<ActionResult>('POST', '/api/v1/peers/confirm', {});
    await io.write(`${words}\n`);
    return 0;
  }
  const load = (): Promise<HeldChanges> => client.get('/api/v1/peers/held');
  const { changes } = await present(context, load, renderHeldChanges);
  if (changes.length === 0) return 0;
  io.writeError('nothing is done without --yes\n');
  return 1;
}

async function change(
  { client, io, arguments: [address] }: CommandContext,
  verb: string,
  body: object,
): Promise<number> {
  const { words } = await client.change<ActionResult>('POST', `${peerPath(address)}/${verb}`, {}, body);
  await io.write(`${words}\n`);
  return 0;
}

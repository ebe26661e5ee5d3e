/** A cluster of three members of etcd, of which one can be cut off from the others. */
import { freePorts, startEtcd } from './etcd.ts';
import type { Etcd } from './etcd.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import type { TcpProxy } from './tcp-proxy.ts';
import { waitFor } from './wait-for.ts';

export interface EtcdCluster extends AsyncDisposable {
  readonly members: readonly Etcd[];
  /** The member that leads, as `asked` knows it. */
  leader(asked?: Etcd): Promise<Etcd>;
  /** Lets nothing pass between a member and the others, while clients reach all of them. */
  isolate(member: Etcd): void;
  /** Lets everything pass again. */
  rejoin(): void;
}

const NAMES = ['m1', 'm2', 'm3'];

/**
 * Resolves when there is a leader. The members talk to each other through proxies; whose connection it is they tell with
 * their first request.
 */
export async function startEtcdCluster(directory: string): Promise<EtcdCluster> {
  const ports = await freePorts(NAMES.length);
  const proxies: TcpProxy[] = [];
  const isolated = new Set<string>();
  /** Whether a connection to the member `to` may be: none between one that is cut off and another. */
  const isAllowed = (to: string, first: Buffer) =>
    isolated.size === 0 || (!isolated.has(to) && ![...isolated].some((id) => isFrom(first, id)));
  const ids = new Map<string, string>();
  for (const [i, target] of ports.entries()) {
    proxies.push(await startTcpProxy({ target, admit: (first) => isAllowed(ids.get(NAMES[i]) ?? '', first) }));
  }
  const cluster = Object.fromEntries(NAMES.map((name, i) => [name, `http://127.0.0.1:${proxies[i].port}`]));
  const members = await Promise.all(
    NAMES.map((name, i) => startEtcd({ directory, name, cluster, peerPort: ports[i] })),
  );
  const leaderId = async (member: Etcd) => {
    const answer = await member.ask('/v3/maintenance/status', {}).catch((): Record<string, unknown> => ({}));
    const { header, leader } = answer as { header?: { member_id: string }; leader?: string };
    return { own: header?.member_id, leader };
  };
  const leader = async (asked = members[0]) => {
    const led = await waitFor(() => leaderId(asked), {
      what: 'a leader',
      accept: (seen) => seen.leader !== undefined && seen.leader !== '0',
    });
    for (const member of members) if ((await leaderId(member)).own === led.leader) return member;
    throw new Error('the leader is none of the members');
  };
  await leader();
  for (const [i, member] of members.entries()) ids.set(NAMES[i], (await leaderId(member)).own ?? '');
  return {
    members,
    leader,
    isolate(member) {
      const i = members.indexOf(member);
      const id = ids.get(NAMES[i]) ?? '';
      isolated.add(id);
      proxies[i].cut();
      for (const proxy of proxies) proxy.cutWhere((first) => isFrom(first, id));
    },
    rejoin: () => isolated.clear(),
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    },
  };
}

/** Members name themselves in every request, in hexadecimal; the JSON API tells their ids in decimal. */
function isFrom(first: Buffer, id: string): boolean {
  return id !== '' && first.toString('latin1').includes(`X-Server-From: ${BigInt(id).toString(16)}`);
}

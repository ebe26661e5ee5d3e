/** Names and texts in nftables that are made of the names of resources. */
import { createHash } from 'node:crypto';
import type { Layer } from '../policy/model.ts';
import type { Policy } from '../policy/policy.ts';
import type { Direction, SetSpec } from '../policy/rule.ts';

/** What chains of policies begin with, by kind: the short names of Kubernetes and Calico. */
const KIND_PREFIXES: Readonly<Record<Policy['kind'], string>> = {
  NetworkPolicy: 'np',
  GlobalNetworkPolicy: 'gnp',
  KubernetesNetworkPolicy: 'knp',
};

const DIRECTIONS: Readonly<Record<Direction, string>> = { ingress: 'in', egress: 'out' };

/** What a part of a name may be: `_` parts them. */
const PLAIN_NAME = /^[A-Za-z0-9.-]{1,100}$/;

/** What may stand between quotes whatever reads them: no quotes, `$`, `;`, backslashes or line breaks. */
const OUTSIDE_OF_TEXT = /[^A-Za-z0-9 _.,:/|()[\]{}<>=!&'*+@%-]/g;

/** Most characters of a comment: NFTNL_UDATA_COMMENT_MAXLEN of libnftnl's udata.h, with its terminating zero. */
const LONGEST_COMMENT = 127;

/** Most characters of what log lines begin with: NF_LOG_PREFIXLEN of the kernel's nf_log.h, with its terminating zero. */
const LONGEST_LOG_PREFIX = 127;

/** The chain of a policy's rules in a direction, `np_x_web_in`. */
export function policyChain({ kind, namespace, name }: Policy, direction: Direction): string {
  const names = namespace === undefined ? [name] : [namespace, name];
  return chainName(KIND_PREFIXES[kind], names, direction);
}

/** The chain of a profile's rules in a direction, `profile_kns.x_in`. */
export function profileChain(name: string, direction: Direction): string {
  return chainName('profile', [name], direction);
}

/** The chain that endpoints of which the same is asked share, `workload_in_1f0c`. */
export function endpointChain(layer: Layer, direction: Direction, id: string): string {
  return `${layer}_${DIRECTIONS[direction]}_${id}`;
}

/** Names that would not do, or not be one of a kind, become one that looks like them, and a hash. No other has a part that is empty. */
function chainName(prefix: string, names: readonly string[], direction: Direction): string {
  const end = DIRECTIONS[direction];
  if (names.every((name) => PLAIN_NAME.test(name))) return [prefix, ...names, end].join('_');
  const hash = createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 24);
  const alike = names.join('-').replaceAll(/[^A-Za-z0-9.-]/g, '-');
  return [prefix, '', alike.slice(0, 80), hash, end].join('_');
}

/** A text in quotes that nft takes as a comment, shortened to what it keeps; what may not stand there is `_`, `"` is `'`. */
export function quoted(text: string, longest = LONGEST_COMMENT): string {
  return `"${plainText(text, longest)}"`;
}

/** As {@link quoted}, without the quotes. */
export function plainText(text: string, longest = LONGEST_COMMENT): string {
  const plain = text.replaceAll('"', "'").replaceAll(OUTSIDE_OF_TEXT, '_');
  return plain.length <= longest ? plain : `${plain.slice(0, longest - 3)}...`;
}

/** The statement by which a rule logs: `where` says which one. The kernel writes the packet right after it. */
export function logStatement(prefix: string, where: string): string {
  // What is shortened is the middle: the end has the direction and the rule.
  const room = LONGEST_LOG_PREFIX - prefix.length - 3;
  const short = where.length <= room ? where : `${where.slice(0, room - 43)}...${where.slice(-40)}`;
  return `log prefix ${quoted(`${prefix}: ${short} `, LONGEST_LOG_PREFIX)}`;
}

/** What a set holds, in words. */
export function describeSet(set: SetSpec): string {
  if (set.kind === 'addresses') return set.selector;
  return set.kind === 'ports' ? `port ${set.port} of ${set.selector}` : `service ${set.namespace}/${set.name}`;
}

/** IFNAMSIZ of the kernel's if.h, without the terminating zero. */
export const LONGEST_INTERFACE_NAME = 15;

/** Whether nft takes the name of an interface for just that: `*` at its end would stand for any. */
export function isInterfaceName(name: string): boolean {
  return name.length <= LONGEST_INTERFACE_NAME && /^[A-Za-z0-9_.:@+-]+$/.test(name);
}

/** How calico-node's `IP_AUTODETECTION_METHOD` says where a node's address is to be found. */
import { tryParsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';

export type AutodetectionMethod =
  | { readonly kind: 'first-found' | 'kubernetes-internal-ip' }
  | { readonly kind: 'can-reach'; readonly destination: string }
  /** Patterns match anywhere in the name of an interface. */
  | { readonly kind: 'interface' | 'skip-interface'; readonly patterns: readonly RegExp[] }
  | { readonly kind: 'cidr'; readonly prefixes: readonly Prefix[] };

/** The text is no method; `message` says what it must be, as words that follow the name of a field. */
export class AutodetectionMethodError extends Error {
  readonly code = 'AUTODETECTION_METHOD_INVALID';
  override readonly name = 'AutodetectionMethodError';
}

/** Reads a method, `interface=eth.*,bond0`. Throws {@link AutodetectionMethodError}. */
export function parseAutodetectionMethod(text: string): AutodetectionMethod {
  if (text === 'first-found' || text === 'kubernetes-internal-ip') return { kind: text };
  const [, kind, value] = /^(can-reach|interface|skip-interface|cidr)=(.+)$/.exec(text) ?? [];
  const values = (value ?? '').split(',').map((part) => part.trim());
  switch (kind) {
    case 'can-reach':
      return { kind, destination: value };
    case 'interface':
    case 'skip-interface':
      return { kind, patterns: values.map(parsePattern) };
    case 'cidr':
      return { kind, prefixes: values.map(parseCidr) };
    default:
      throw new AutodetectionMethodError(
        `must be first-found, can-reach=DESTINATION, interface=REGEX,…, skip-interface=REGEX,…, cidr=CIDR,… or kubernetes-internal-ip, not ${JSON.stringify(text)}`,
      );
  }
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new AutodetectionMethodError(`has ${JSON.stringify(text)}, which is not a regular expression`);
  }
}

function parseCidr(text: string): Prefix {
  const prefix = tryParsePrefix(text);
  if (prefix === undefined) throw new AutodetectionMethodError(`has ${JSON.stringify(text)}, which is not a prefix`);
  return prefix;
}

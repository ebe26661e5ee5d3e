/** Names of sets: short, and the same wherever the same is meant. */
import { createHash } from 'node:crypto';
import type { SetSpec } from './rule.ts';

/** A set without its name. */
export type UnnamedSet = SetSpec extends infer S ? (S extends SetSpec ? Omit<S, 'id'> : never) : never;

/** What ids of the kinds of sets begin with, for people who look at the kernel's tables. */
const KIND_LETTERS = { addresses: 'a', ports: 'p', service: 's' } as const;

/** 96 bits of a hash of what the set is: nobody finds two sets of one name by trying. */
const HASH_DIGITS = 24;

/** The id of a set: a letter and hex digits. */
export function setId(set: UnnamedSet): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(partsOf(set)))
    .digest('hex');
  return KIND_LETTERS[set.kind] + hash.slice(0, HASH_DIGITS);
}

function partsOf(set: UnnamedSet): readonly (string | number | boolean)[] {
  switch (set.kind) {
    case 'addresses':
      return [set.kind, set.selector];
    case 'ports':
      return [set.kind, set.selector, set.port, set.protocol];
    case 'service':
    default:
      return [set.kind, set.namespace, set.name, set.withPorts];
  }
}

/** The addresses of what a selector picks. */
export function addressesOf(selector: string): SetSpec {
  const set = { kind: 'addresses', selector } as const;
  return { ...set, id: setId(set) };
}

/** Where what a selector picks has a port of a name and protocol. */
export function portsOf(selector: string, port: string, protocol: number): SetSpec {
  const set = { kind: 'ports', selector, port, protocol } as const;
  return { ...set, id: setId(set) };
}

/** Where a Service is served. */
export function serviceOf(namespace: string, name: string, withPorts: boolean): SetSpec {
  const set = { kind: 'service', namespace, name, withPorts } as const;
  return { ...set, id: setId(set) };
}

/** What the selectors of policies and rules come to: one selector over the labels of endpoints. */
import type { AnyResource, ResourceOf } from '../resources/kinds.ts';
import { ALL, and, compare, isIn, not } from '../resources/selector-terms.ts';
import { parseSelector } from '../resources/selector.ts';
import type { Selector } from '../resources/selector.ts';
import { NAMESPACE_LABEL, NAMESPACE_PREFIX, SERVICE_ACCOUNT_LABEL, SERVICE_ACCOUNT_PREFIX } from './labels.ts';

/** A rule as a parsed policy has it, and one end of it. */
export type WrittenRule = Extract<AnyResource, { kind: 'NetworkPolicy' }>['spec']['ingress'][number];
export type WrittenEnd = NonNullable<WrittenRule['source']>;

/** Which endpoints a policy of Calico is for. */
export function policySelector(policy: ResourceOf<'NetworkPolicy' | 'GlobalNetworkPolicy'>): Selector {
  const { selector = '', serviceAccountSelector = '' } = policy.spec;
  if (policy.kind === 'NetworkPolicy') {
    const reach = all([written(selector), inNamespace(policy.metadata.namespace ?? '')]);
    return all([reach, ofServiceAccounts(serviceAccountSelector)]) ?? ALL;
  }
  const { namespaceSelector = '' } = policy.spec;
  const picked = all([written(selector), ofNamespaces(namespaceSelector)]);
  // Without the namespace of the policy to bound it, all service accounts are those that are one.
  const accounts = replaced(ofServiceAccounts(serviceAccountSelector), { 'all()': `has(${SERVICE_ACCOUNT_LABEL})` });
  return all([picked, accounts]) ?? ALL;
}

export interface EndSelectors {
  /** The other end is one of what it picks. */
  readonly positive?: Selector;
  /** The other end is none of what it picks; addresses that nobody is known at are none. */
  readonly negative?: Selector;
}

/** What the selectors of one end of a rule say, in a policy of `namespace`, or in one that belongs to no namespace. */
export function endSelectors(end: WrittenEnd, namespace: string | undefined): EndSelectors {
  const { serviceAccounts } = end;
  const negative = written(end.notSelector ?? '');
  const positive = all([
    namespacePart(end, namespace),
    all([serviceAccounts === undefined ? undefined : serviceAccountPart(serviceAccounts), written(end.selector ?? '')]),
  ]);
  if (negative === undefined) return positive === undefined ? {} : { positive };
  return positive === undefined ? { negative } : { positive: and([positive, not(negative)]) };
}

/** A rule of a namespaced policy that names labels but no namespaces means its own. */
function namespacePart(end: WrittenEnd, namespace: string | undefined): Selector | undefined {
  const { selector = '', notSelector = '', namespaceSelector = '', serviceAccounts } = end;
  const named = ofNamespaces(namespaceSelector);
  if (named !== undefined) return named;
  const picks = selector !== '' || notSelector !== '' || serviceAccounts !== undefined;
  return picks && namespace !== undefined ? inNamespace(namespace) : undefined;
}

function serviceAccountPart({ names = [], selector = '' }: NonNullable<WrittenEnd['serviceAccounts']>) {
  return all([
    ofServiceAccounts(selector),
    names.length === 0 ? undefined : isIn(SERVICE_ACCOUNT_LABEL, new Set(names)),
  ]);
}

/** Empty text is no selector. */
function written(text: string): Selector | undefined {
  return text.trim() === '' ? undefined : parseSelector(text);
}

export function inNamespace(namespace: string): Selector {
  return compare(NAMESPACE_LABEL, '==', namespace);
}

/** `all()` is all that is in namespaces; `global()`, all that is in none. */
function ofNamespaces(text: string): Selector | undefined {
  const terms = { 'all()': `has(${NAMESPACE_LABEL})`, 'global()': `!has(${NAMESPACE_LABEL})` };
  return replaced(written(text)?.withPrefix(NAMESPACE_PREFIX), terms);
}

function ofServiceAccounts(text: string): Selector | undefined {
  return written(text)?.withPrefix(SERVICE_ACCOUNT_PREFIX);
}

/** The selector with others for its terms `all()` and `global()`, wherever they stand in it. */
function replaced(selector: Selector | undefined, terms: Readonly<Record<string, string>>): Selector | undefined {
  const text = selector?.toString();
  // In canonical form only values, in quotes, could hold these texts beside the terms themselves.
  const changed = text?.replaceAll(/"[^"]*"|'[^']*'|all\(\)|global\(\)/g, (part) =>
    Object.hasOwn(terms, part) ? terms[part] : part,
  );
  return changed === text || changed === undefined ? selector : parseSelector(changed);
}

function all(terms: readonly (Selector | undefined)[]): Selector | undefined {
  const given = terms.filter((term) => term !== undefined);
  return given.length === 0 ? undefined : and(given);
}

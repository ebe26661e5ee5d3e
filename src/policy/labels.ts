/** Labels that have a meaning of their own to policies. */
import type { Labels } from '../resources/selector.ts';

export const NAMESPACE_LABEL = 'projectcalico.org/namespace';
export const SERVICE_ACCOUNT_LABEL = 'projectcalico.org/serviceaccount';
export const ORCHESTRATOR_LABEL = 'projectcalico.org/orchestrator';
export const NAME_LABEL = 'projectcalico.org/name';

/** What labels that endpoints have of their namespaces, or of their service accounts, begin with. */
export const NAMESPACE_PREFIX = 'pcns.';
export const SERVICE_ACCOUNT_PREFIX = 'pcsa.';

/** The same labels with names that begin with `prefix`. */
export function prefixed(prefix: string, labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [prefix + name, value]));
}

const GIVEN: ReadonlySet<string> = new Set([NAMESPACE_LABEL, ORCHESTRATOR_LABEL, SERVICE_ACCOUNT_LABEL]);

/** What an endpoint is, beside the labels that somebody gave it. */
interface Nature {
  readonly namespace: string;
  readonly orchestrator?: string | undefined;
  readonly serviceAccount?: string | undefined;
}

/**
 * The labels of an endpoint in a namespace. Those that say what it is, or that only its namespace and its service account can give
 * it, do not come from whoever wrote the others.
 */
export function ownLabels(written: Labels, { namespace, orchestrator, serviceAccount }: Nature): Labels {
  const labels: Record<string, string> = { [NAMESPACE_LABEL]: namespace };
  if (orchestrator !== undefined) labels[ORCHESTRATOR_LABEL] = orchestrator;
  if (serviceAccount !== undefined && serviceAccount !== '') labels[SERVICE_ACCOUNT_LABEL] = serviceAccount;
  for (const name of Object.keys(written)) {
    if (name.startsWith(NAMESPACE_PREFIX) || name.startsWith(SERVICE_ACCOUNT_PREFIX) || GIVEN.has(name)) continue;
    labels[name] = written[name];
  }
  return labels;
}

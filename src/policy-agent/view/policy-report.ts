/** Policies as the API lists them. */
import type { PolicyReport } from '../../api/agent-types.ts';
import type { Slice } from '../../api/process-view.ts';
import type { SourcedProblem } from '../../datastore/datastore.ts';
import { formatPath } from '../../datastore/yaml-places.ts';
import type { PolicyEngine, PolicyListing } from '../../policy/policy-engine.ts';
import { KeptListing } from './kept-listing.ts';

/** What goes on from one slice of a listing to the next. */
export class PolicyReports {
  private readonly listing = new KeptListing<PolicyListing>();

  /** Policies in the order in which they are asked, from a position on. `problems`: of all resources. */
  slice(
    engine: Pick<PolicyEngine, 'policies'>,
    problems: readonly SourcedProblem[],
    position: number,
    limit: number,
  ): Slice<PolicyReport> {
    const { part, next } = this.listing.slice('', { position, limit, make: () => engine.policies() });
    const byResource = problemsByResource(problems);
    return { items: part.map((listing) => policyReport(listing, byResource)), next };
  }
}

type ByResource = ReadonlyMap<string, readonly SourcedProblem[]>;

function problemsByResource(problems: readonly SourcedProblem[]): ByResource {
  const byResource = new Map<string, SourcedProblem[]>();
  for (const problem of problems) {
    const { kind = '', namespace = '', name = '' } = problem;
    const key = resourceKey(kind, namespace, name);
    const others = byResource.get(key);
    if (others === undefined) byResource.set(key, [problem]);
    else others.push(problem);
  }
  return byResource;
}

/** Manifests of both kinds of network policies in namespaces say NetworkPolicy. */
function resourceKey(kind: string, namespace: string, name: string): string {
  return `${kind === 'KubernetesNetworkPolicy' ? 'NetworkPolicy' : kind} ${namespace}/${name}`;
}

function policyReport({ policy, endpoints, tier }: PolicyListing, byResource: ByResource): PolicyReport {
  const { kind, namespace, name, order, scope, selector, ingress, egress } = policy;
  const problems = byResource.get(resourceKey(kind, namespace ?? '', name)) ?? [];
  return {
    kind,
    namespace: namespace ?? null,
    name,
    tier: {
      name: policy.tier,
      exists: tier !== undefined,
      order: finite(tier?.order),
      defaultAction: tier?.defaultAction ?? 'Deny',
    },
    order: finite(order),
    scope,
    selector,
    directions: [
      ...(ingress === undefined ? [] : ['ingress' as const]),
      ...(egress === undefined ? [] : ['egress' as const]),
    ],
    rules: { ingress: ingress?.length ?? 0, egress: egress?.length ?? 0 },
    endpoints,
    problems: problems.map(reported),
  };
}

/** JSON knows no infinity. */
function finite(order: number | undefined): number | null {
  return order === undefined || !Number.isFinite(order) ? null : order;
}

/** The message without the resource and the path, which stand beside it. */
function reported({ kind, name, path, message, severity }: SourcedProblem): PolicyReport['problems'][number] {
  const place = formatPath(path);
  const heads = [`${kind} "${name}": `, `${place}: `];
  return { path: place, message: heads.reduce(withoutHead, message), severity };
}

function withoutHead(text: string, head: string): string {
  return text.startsWith(head) ? text.slice(head.length) : text;
}

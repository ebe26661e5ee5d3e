/** What a change of the resources would do to the routes to services. */
import { ServiceAdvertiser } from '../../advertiser/service-advertiser.ts';
import { serviceContext } from '../../advertiser/service-context.ts';
import type { ServiceMode } from '../../advertiser/service-context.ts';
import type { ConfigDiff } from '../../api/types.ts';
import type { Change, ClusterView } from '../../resources/cluster-view.ts';

/** Two views, and the changes that lead from one to the other. */
export interface ViewChange {
  readonly before: ClusterView;
  readonly after: ClusterView;
  readonly changes: readonly Change[];
}

/** By prefix. Costs as much as there are services, unless nothing changes that decides what is told of them. */
export function serviceDifferences(
  { before, after, changes }: ViewChange,
  node: { readonly name: string },
  mode: ServiceMode,
): ConfigDiff['routes'] {
  const context = serviceContext(before, node, mode);
  const next = serviceContext(after, node, mode, context);
  if (context === next && !changes.some(concernsServices)) return [];
  const advertiser = new ServiceAdvertiser();
  advertiser.setContext(context);
  advertiser.replace([...before.list('Service'), ...before.list('EndpointSlice')]);
  const old = new Map(advertiser.routes);
  advertiser.change(changes);
  advertiser.setContext(next);
  const differences: ConfigDiff['routes'] = [];
  for (const [prefix, { service }] of old) {
    if (advertiser.routes.has(prefix)) continue;
    const words = service === '' ? 'No service asks for it then.' : `Service ${service} does not ask for it then.`;
    differences.push({ prefix, change: 'withdrawn', words });
  }
  for (const [prefix, route] of advertiser.routes) {
    const was = old.get(prefix);
    if (was?.label === route.label) continue;
    differences.push({
      prefix,
      change: was === undefined ? 'originated' : 'changed',
      words: advertiser.reason(route.prefix) ?? '',
    });
  }
  return differences;
}

function concernsServices(change: Change): boolean {
  const kind = change.type === 'upsert' ? change.resource.kind : change.kind;
  return kind === 'Service' || kind === 'EndpointSlice';
}

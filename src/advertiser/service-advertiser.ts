/** From Services and EndpointSlices to the routes that this node should originate for them, change by change. */
import type { Prefix } from '../net/prefix.ts';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import type { AdvertisementProblem } from './originations.ts';
import type { ServiceContext } from './service-context.ts';
import { ServiceLabels } from './service-labels.ts';
import type {
  ServiceChanges,
  ServiceCounts,
  ServiceExplanation,
  ServiceRoute,
  ServiceSummary,
} from './service-routes.ts';

const NOTHING: ServiceChanges = { set: [], removed: [] };

/** There are no routes before `setContext`. */
export class ServiceAdvertiser {
  readonly labels = new ServiceLabels();
  /** By text of the prefix. */
  readonly routes: ReadonlyMap<string, ServiceRoute> = new Map();

  /** Takes another context: everything is worked out anew. */
  setContext(_context: ServiceContext): ServiceChanges {
    return NOTHING;
  }

  /** Takes a snapshot: all Services and EndpointSlices there are; other kinds are passed over. */
  replace(_resources: Iterable<AnyResource>): ServiceChanges {
    return NOTHING;
  }

  /** Takes changes in order. Costs nothing for services that do not change. */
  change(_changes: readonly Change[]): ServiceChanges {
    return NOTHING;
  }

  /** Why there is a route to this prefix, as a sentence; undefined where there is none. */
  reason(_prefix: Prefix): string | undefined {
    return undefined;
  }

  /** All services, by namespace and name. */
  list(): Iterable<ServiceSummary> {
    return [];
  }

  /** All there is to say of a service; undefined where there is no such service. */
  explain(_namespace: string, _name: string): ServiceExplanation | undefined {
    return undefined;
  }

  get counts(): ServiceCounts {
    return { services: 0, endpoints: 0, routes: 0, aggregates: 0 };
  }

  /** What in the resources contradicts itself. */
  get problems(): readonly AdvertisementProblem[] {
    return [];
  }
}

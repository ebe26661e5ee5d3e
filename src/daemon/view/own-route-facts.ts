/** Why this node originates its own routes, and on which terms peers are told those to services. */
import { termsFor } from '../../advertiser/terms.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { parseSelector } from '../../resources/selector.ts';
import type { Neighbour } from '../../peering/neighbour.ts';
import type { OwnRoutes } from '../own-routes.ts';
import type { OwnRouteFacts } from './route-explanation.ts';
import { WHY_HELD } from './service-report.ts';
import type { ReportedServices } from './service-report.ts';

/** What originates, and who is told; a router. */
interface Originator {
  readonly ownRoutes: Pick<OwnRoutes, 'get'>;
  readonly find: (peer: string) => { readonly neighbour: Neighbour } | undefined;
}

const HELD_BLOCK =
  'It is deleted in the datastore, and kept for now in case that is a mistake, because too much was deleted at once (services.guard).';

/** `holdsBlock` tells of a block, in text, whether it is deleted in the datastore and kept for now. */
export function ownRouteFacts(
  router: Originator,
  services: ReportedServices,
  holdsBlock: (cidr: string) => boolean,
): OwnRouteFacts {
  return {
    reason: (prefix) => {
      const own = router.ownRoutes.get(prefix);
      if (own?.kind === 'block' && holdsBlock(formatPrefix(prefix))) return `${own.reason} ${HELD_BLOCK}`;
      if (own?.kind !== 'service') return own?.reason;
      const waiting = services.held.get(formatPrefix(prefix));
      if (waiting !== undefined)
        return `it is no longer wanted, and told on for now, because ${WHY_HELD[waiting.why]}.`;
      return services.advertiser.reason(prefix) ?? own.reason;
    },
    role: (label, peer) => {
      const labels = router.find(peer)?.neighbour.labels ?? {};
      const applies = (selector: string): boolean => parseSelector(selector).matches(labels);
      return termsFor(services.advertiser.labels.offersOf(label), applies)?.role ?? null;
    },
  };
}

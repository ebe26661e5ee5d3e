/** What single parts of the daemon are told of the configuration. */
import type { ServiceLabels } from '../advertiser/service-labels.ts';
import type { BestPathOptions } from '../rib/best-path.ts';
import type { Config } from '../process/config.ts';
import type { ServiceTelling } from './desired-state.ts';
import { peerSelectorsIn } from './service-exports.ts';
import type { ServiceSettings } from './services.ts';
import type { TransitionLimits } from './transition.ts';

export function bestPathOptions({ bestPath, fib }: Config): BestPathOptions {
  return { ...bestPath, maxPaths: fib.maxPaths };
}

export function transitionLimits({ peering: { guard, transitionTimeout } }: Config): TransitionLimits {
  return { guard, timeout: transitionTimeout * 1000 };
}

export function serviceSettings({ services: { guard, withdrawDelay }, calicoCompatible }: Config): ServiceSettings {
  return { guard, withdrawDelay, mode: calicoCompatible };
}

/** `inUse` are the labels of the routes to services. */
export function serviceTelling(
  { calicoCompatible }: Config,
  labels: ServiceLabels,
  inUse: ReadonlySet<number>,
): ServiceTelling {
  return { labels, peerSelectors: peerSelectorsIn(labels, inUse), strict: calicoCompatible === 'strict' };
}

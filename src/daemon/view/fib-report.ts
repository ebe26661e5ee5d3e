/** The kernel's routes as the API shows them: what is wanted, what is there, and why. */
import type { FibQuery } from '../../api/daemon-view.ts';
import type { Slice } from '../../api/process-view.ts';
import { ApiError } from '../../api/errors.ts';
import type { FibEntry, RouteExplanation } from '../../api/route-types.ts';
import { FibError } from '../../fib/fib-error.ts';
import type { FibRoute } from '../../fib/worker-messages.ts';
import { tryParseAddress } from '../../net/address.ts';
import { FAMILY_NAMES } from '../../net/family.ts';
import { parsePrefix } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { KernelRouting } from '../kernel-routing.ts';
import type { RouteExplainer } from './route-explanation.ts';

const SWITCHED_OFF = 'kernel routes are switched off (fib.enabled is false)';

export class FibReport {
  /** Undefined where the FIB is switched off. */
  private readonly kernel: KernelRouting | undefined;
  private readonly explainer: RouteExplainer;

  constructor(kernel: KernelRouting | undefined, explainer: RouteExplainer) {
    this.kernel = kernel;
    this.explainer = explainer;
  }

  async list(query: FibQuery, position: number, limit: number): Promise<Slice<FibEntry>> {
    if (this.kernel === undefined) {
      if (query.differencesOnly) throw new ApiError('CONFLICT', SWITCHED_OFF);
      return { items: [], next: null };
    }
    const { routes, next } = await answered(this.routes(this.kernel, query, position, limit));
    return { items: routes.map((route) => this.entry(route, query.why)), next };
  }

  /** What the kernel has for a prefix that has a best path. */
  async explain(prefix: Prefix): Promise<RouteExplanation['fib']> {
    const { kernel } = this;
    const nothing = { wanted: [], installed: [], notes: [] };
    if (kernel === undefined) return { ...nothing, words: SWITCHED_OFF, programming: null };
    const { rejected, why } = kernel.programming(prefix);
    const route = await answered(kernel.find(prefix));
    if (route === undefined) {
      // What has no next hop, such as a route of this node's own, is for no rule.
      return rejected
        ? { ...nothing, words: 'not programmed here', programming: why }
        : { ...nothing, words: 'not a route for the kernel', programming: null };
    }
    const { wanted, actual, notes, error } = route;
    const words = error === undefined ? stateWords(route) : `${stateWords(route)}: ${error}`;
    return { wanted: gateways(wanted), installed: gateways(actual), words, notes: [...notes], programming: why };
  }

  private async routes(kernel: KernelRouting, query: FibQuery, position: number, limit: number) {
    const { family, prefix, differencesOnly } = query;
    if (prefix === undefined) {
      return kernel.page({ after: position, limit, differencesOnly, ...(family !== undefined && { family }) });
    }
    const route = await kernel.find(prefix);
    const shown = route !== undefined && !(differencesOnly && differenceOf(route) === null);
    return { routes: shown ? [route] : [], next: null };
  }

  private entry(route: FibRoute, why: boolean): FibEntry {
    return {
      prefix: route.prefix,
      family: FAMILY_NAMES[route.family],
      nextHops: route.nextHops.map(({ address, interface: link, weight }) => ({
        address: address ?? null,
        interface: link ?? null,
        weight,
      })),
      state: route.state === 'leftover' ? 'pending' : route.state,
      wanted: [...route.wanted],
      installed: [...route.actual],
      difference: differenceOf(route),
      error: route.error ?? null,
      retrySeconds: route.state === 'failed' ? (this.kernel?.retrySeconds ?? null) : null,
      notes: [...route.notes],
      ...(why && { why: this.why(parsePrefix(route.prefix)) }),
    };
  }

  private why(prefix: Prefix): FibEntry['why'] {
    return { paths: this.explainer.chosen(prefix), programming: this.kernel?.programming(prefix).why ?? null };
  }
}

/** Throws {@link ApiError} UNAVAILABLE where the FIB can't answer. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof FibError) throw new ApiError('UNAVAILABLE', error.message);
    throw error;
  }
}

function differenceOf({ state, inKernel, wanted }: FibRoute): FibEntry['difference'] {
  if (state === 'installed') return null;
  if (state === 'failed') return 'failed';
  if (state === 'leftover' || wanted.length === 0) return 'extra';
  return inKernel ? 'differs' : 'missing';
}

/** The addresses of next hops in words, with their weights where these differ; all of the words where there is no address. */
function gateways(hops: readonly string[]): string[] {
  const weights = hops.map((words) => /\bweight \d+/.exec(words)?.[0] ?? '');
  const differ = new Set(weights).size > 1;
  return hops.map((words, index) => {
    const [first] = words.split(' ');
    if (tryParseAddress(first) === undefined) return words;
    return differ ? `${first} ${weights[index]}` : first;
  });
}

function stateWords({ state, inKernel }: FibRoute): string {
  if (state === 'installed') return 'installed';
  if (state === 'leftover') return 'not wanted; it goes, at the latest when the first sync is over';
  if (state === 'failed') {
    return inKernel ? 'the kernel has another route and refused this one' : 'not in the kernel';
  }
  return inKernel ? 'the kernel has another route, a change is on its way' : 'on its way to the kernel';
}

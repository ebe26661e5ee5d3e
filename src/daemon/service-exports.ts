/** Who is told this node's routes to services, and on which terms: from the offers behind their labels to export policies. */
import type { ServiceLabels } from '../advertiser/service-labels.ts';
import type { ServiceLabel, ServiceOffer, ServiceTerms } from '../advertiser/service-routes.ts';
import { termsFor } from '../advertiser/terms.ts';
import type { ServiceExport, ServiceVerdict } from '../filters/service-export.ts';
import { serviceTermsInWords, serviceTermsRewrite } from '../filters/service-terms.ts';
import type { Towards } from '../filters/service-terms.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { parseSelector } from '../resources/selector.ts';
import type { Selector } from '../resources/selector.ts';

/** Makes the {@link ServiceExport} of each neighbour; those that are treated alike have the same key. */
export class ServiceExports {
  private readonly labels: ServiceLabels;
  /** What peers are picked by. */
  private readonly selectors: ReadonlyMap<string, Selector>;

  /** `inForce` are the selectors that labels of routes still name although the resources may not any more. */
  constructor(view: ClusterView, labels: ServiceLabels, inForce: readonly string[]) {
    this.labels = labels;
    const texts = new Set([...peerSelectorsOf(view), ...inForce]);
    this.selectors = new Map([...texts].sort().map((text) => [text, parseSelector(text)]));
  }

  of({ labels, external, localAs }: Neighbour): ServiceExport {
    const picked = [...this.selectors].filter(([, selector]) => selector.matches(labels)).map(([text]) => text);
    const applies = (text: string): boolean => picked.includes(text);
    return {
      key: JSON.stringify([external ? 'external' : 'internal', localAs, ...picked]),
      of: (label) => {
        const offers = this.labels.offersOf(label);
        if (offers.length === 0) return PLAIN;
        const terms = termsFor(offers, applies);
        if (terms === undefined) return { accept: false, why: `this peer is not told by ${rulesOf(offers)}` };
        const about = offers.filter(({ peerSelector }) => peerSelector === undefined || applies(peerSelector));
        return told(rulesOf(about), terms, { external, localAs });
      },
    };
  }
}

/** What the ServiceAdvertisements of a view pick peers by. */
export function peerSelectorsOf(view: ClusterView): ReadonlySet<string> {
  return new Set(view.list('ServiceAdvertisement').flatMap(({ spec }) => spec.peerSelector ?? []));
}

/** What the routes with these labels pick peers by; each once, in an order that depends on nothing else. */
export function peerSelectorsIn(labels: ServiceLabels, inUse: Iterable<ServiceLabel>): readonly string[] {
  const texts = new Set<string>();
  for (const label of inUse) {
    for (const { peerSelector } of labels.offersOf(label)) if (peerSelector !== undefined) texts.add(peerSelector);
  }
  return [...texts].sort();
}

const PLAIN: ServiceVerdict = { accept: true, why: '' };

function rulesOf(offers: readonly ServiceOffer[]): string {
  return [...new Set(offers.map(({ rule }) => rule))].join(' and ');
}

function told(rules: string, terms: ServiceTerms, towards: Towards): ServiceVerdict {
  const rewrite = serviceTermsRewrite(terms, towards);
  const words = serviceTermsInWords(terms, towards);
  const role = terms.role === 'backup' ? ' as a backup' : '';
  const why = `told${role} by ${rules}${words === '' ? '' : `, with ${words}`}`;
  return { accept: true, why, ...(rewrite !== undefined && { rewrite }) };
}

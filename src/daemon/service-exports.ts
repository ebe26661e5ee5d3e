/** Who is told this node's routes to services, and on which terms: from the offers behind their labels to export policies. */
import type { ServiceLabels } from '../advertiser/service-labels.ts';
import type { ServiceOffer, ServiceTerms } from '../advertiser/service-routes.ts';
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
  /** What ServiceAdvertisements pick peers by. */
  private readonly selectors: ReadonlyMap<string, Selector>;

  constructor(view: ClusterView, labels: ServiceLabels) {
    this.labels = labels;
    const texts = view.list('ServiceAdvertisement').flatMap(({ spec }) => spec.peerSelector ?? []);
    this.selectors = new Map([...new Set(texts)].sort().map((text) => [text, parseSelector(text)]));
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

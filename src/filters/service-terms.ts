/** The terms on which a route to services is told, put on its attributes. */
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { linkBandwidth } from '../bgp/messages/attributes/extended-communities.ts';
import type { AttributeRewrite } from '../rib/policy.ts';
import { rewriteOf } from './operations.ts';

/** Terms as the advertiser has them; what is not for the neighbour is left out. */
export interface RouteTerms {
  /** `aa:nn` or `aa:nn:mm`. */
  readonly communities: readonly string[];
  /** LOCAL_PREF as a plain number, 100 being that of normal routes; for internal peers. */
  readonly localPreference?: number;
  /** For external peers. */
  readonly med?: number;
  /** How many times the own AS is put before the path, beside the one time that is always due; for external peers. */
  readonly prepend: number;
  /** Bytes per second. */
  readonly bandwidth?: number;
}

/** The neighbour that is told. */
export interface Towards {
  readonly external: boolean;
  /** AS of this side of the session. */
  readonly localAs: number;
}

/** The change that the terms ask for; undefined where they ask for none. */
export function serviceTermsRewrite(terms: RouteTerms, { external, localAs }: Towards): AttributeRewrite | undefined {
  const { communities, med, localPreference: localPref, bandwidth } = terms;
  const prefix = external ? Array.from({ length: terms.prepend }, () => localAs) : [];
  const operations = rewriteOf([
    ...communities.map((value) => ({ addCommunity: { value } })),
    ...(prefix.length === 0 ? [] : [{ prependASPath: { prefix } }]),
  ]);
  const fields: Partial<Attributes> = {
    ...(external && med !== undefined && { med }),
    ...(!external && localPref !== undefined && { localPref }),
    ...(bandwidth !== undefined && { extendedCommunities: [linkBandwidth(localAs, bandwidth, external)] }),
  };
  if (operations === undefined && Object.keys(fields).length === 0) return undefined;
  return {
    key: JSON.stringify([operations?.key, fields]),
    rewrite: (attributes) => ({ ...(operations?.rewrite(attributes) ?? attributes), ...fields }),
  };
}

/** What the terms ask for towards a neighbour, in words; empty where that is nothing. */
export function serviceTermsInWords(terms: RouteTerms, { external, localAs }: Towards): string {
  const { communities, localPreference, med, prepend, bandwidth } = terms;
  const words: string[] = [];
  if (communities.length > 0)
    words.push(`${communities.length === 1 ? 'community' : 'communities'} ${communities.join(' ')}`);
  if (!external && localPreference !== undefined) words.push(`LOCAL_PREF ${localPreference}`);
  if (external && med !== undefined) words.push(`MED ${med}`);
  if (external && prepend > 0)
    words.push(`AS ${localAs} put in front ${prepend} more ${prepend === 1 ? 'time' : 'times'}`);
  if (bandwidth !== undefined) words.push(`a link bandwidth of ${bandwidth} bytes per second`);
  return words.join(', ');
}

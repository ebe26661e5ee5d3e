/** What of hosts and network sets counts that can't be read as a whole. */
import type { z } from 'zod';
import type { Salvaged } from './kind-definition.ts';
import { isJsonObject } from './resource.ts';
import type { JsonObject, Problem } from './resource.ts';
import { error } from './rule-salvage.ts';

type Fields = Readonly<Record<string, z.ZodType>>;

/** Nobody has a profile of this name, so nothing gets past it. */
const UNREADABLE_PROFILE = '(unreadable)';

/** Lists without the items that can't be read. A field of `fields` that is no list is left out. */
function withReadableItems(written: JsonObject, fields: Fields): { spec: JsonObject; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const lists = Object.entries(fields).map(([field, item]): [string, readonly unknown[]] => {
    const all = written[field] ?? [];
    const readable = Array.isArray(all) ? all.filter((value) => item.safeParse(value).success) : [];
    if (!Array.isArray(all) || readable.length < all.length) {
      problems.push(error(['spec', field], 'counts without what can not be read'));
    }
    return [field, readable];
  });
  return { spec: { ...written, ...Object.fromEntries(lists) }, problems };
}

/** The names of profiles; one that can't be read might have denied something. */
function closedProfiles(written: JsonObject): { profiles: readonly string[]; problems: readonly Problem[] } {
  const { profiles = [] } = written;
  const names = (Array.isArray(profiles) ? profiles : [profiles]).map((name: unknown) =>
    typeof name === 'string' ? name : UNREADABLE_PROFILE,
  );
  const isOdd = !Array.isArray(profiles) || names.some((name, i) => name !== profiles[i]);
  const message = 'counts as a profile that does not exist where it can not be read';
  return { profiles: names, problems: isOdd ? [error(['spec', 'profiles'], message)] : [] };
}

/**
 * A workload of which some lists can't be read. Nothing is made of one of which it is not known where it is, or whose labels can't be
 * read: its interface then stays closed.
 */
export function salvageWorkload(body: JsonObject, fields: Fields): Salvaged | undefined {
  const { spec: written, metadata } = body;
  if (!isJsonObject(written) || !isJsonObject(metadata)) return undefined;
  if (!hasReadableLabels(metadata)) return undefined;
  const { spec, problems } = withReadableItems(written, fields);
  const { profiles, problems: odd } = closedProfiles(written);
  return { body: { ...body, spec: { ...spec, profiles } }, problems: [...problems, ...odd] };
}

function hasReadableLabels({ labels = {} }: JsonObject): boolean {
  return isJsonObject(labels) && Object.values(labels).every((value) => typeof value === 'string');
}

/** A set whose items are of the schemas in `fields`. */
export function salvageSet(body: JsonObject, fields: Fields): Salvaged {
  const { spec, problems } = withReadableItems(isJsonObject(body['spec']) ? body['spec'] : {}, fields);
  return { body: { ...body, spec }, problems };
}

/**
 * A host whose interface can't be read is closed at all interfaces that no other HostEndpoint is for, and one whose labels can't be
 * read has no profiles: policies that deny might not pick it. Undefined where it is not known of which node it is.
 */
export function salvageHost(body: JsonObject, interfaceName: z.ZodType, fields: Fields): Salvaged | undefined {
  const written = body['spec'];
  if (!isJsonObject(written) || typeof written['node'] !== 'string' || written['node'] === '') return undefined;
  const lists = withReadableItems(written, fields);
  const { profiles, problems: odd } = closedProfiles(written);
  const knowsLabels = !isJsonObject(body['metadata']) || hasReadableLabels(body['metadata']);
  const spec: JsonObject = { ...lists.spec, profiles: knowsLabels ? profiles : [] };
  const problems = [...lists.problems, ...odd];
  if (!knowsLabels) problems.push(error(['spec', 'profiles'], 'do not count, since labels can not be read'));
  const addresses = spec['expectedIPs'];
  const named = spec['interfaceName'] !== undefined;
  if (
    named ? interfaceName.safeParse(spec['interfaceName']).success : Array.isArray(addresses) && addresses.length > 0
  ) {
    return { body: { ...body, spec }, problems };
  }
  const all = error(['spec', 'interfaceName'], 'counts as "*", all interfaces that no other HostEndpoint is for');
  return { body: { ...body, spec: { ...spec, interfaceName: '*' } }, problems: [...problems, all] };
}

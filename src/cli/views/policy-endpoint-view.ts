/** `starling policy endpoints NAME`: all that is known of an endpoint. */
import type { EndpointReport, EndpointRulesReport } from '../../api/agent-types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatFields } from '../output/words.ts';

export function renderEndpoint(endpoint: EndpointReport, style: Style): string {
  const { key, name, local, addresses, ports, labels, profiles, rules } = endpoint;
  const fields = formatFields(
    [
      ['resource', key],
      ...(local === null || local.problem === null ? [] : [['not enforced', local.problem] as const]),
      ['addresses', addresses.join(', ') || 'none'],
      ['ports', ...ports.map((port) => `${port.name}: ${port.protocol} ${port.port}`)],
      ['labels', ...labelLines(labels.own)],
      ['inherited', ...labelLines(labels.inherited)],
      ['profiles', ...profiles.map(profileWords)],
      ...(rules ?? []).map((one) => [layerWords(one), ...rulesLines(one)] as const),
    ],
    '  ',
  );
  return `${paint(name, 'bold', style)}  ${placeWords(endpoint, style)}\n${fields}`;
}

function placeWords({ kind, node, local }: EndpointReport, style: Style): string {
  const what = { workload: 'workload', host: 'host endpoint', set: 'network set' }[kind];
  const where = node === null ? '' : ` on ${node}`;
  if (local === null) return `${what}${where}`;
  const at = local.interface === null ? ', at no interface' : `, interface ${local.interface}`;
  return `${what}${where}${at}${local.up ? '' : paint(', down', 'red', style)}`;
}

function labelLines(labels: Readonly<Record<string, string>>): string[] {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${labels[name]}`);
}

function profileWords({ name, exists }: EndpointReport['profiles'][number]): string {
  return exists ? name : `${name}: does not exist, and lets nothing pass`;
}

/** Of workloads the direction says it all. */
function layerWords({ layer, direction }: EndpointRulesReport): string {
  return layer === 'workload' ? direction : `${layer} ${direction}`;
}

function rulesLines({ tiers, profiles, words }: EndpointRulesReport): string[] {
  return [
    words,
    ...tiers.map(({ name, defaultAction, policies }) => {
      return `tier ${name}: ${policies.join(', ') || 'can not be read'}; then ${defaultAction === 'Deny' ? 'deny' : 'the next'}`;
    }),
    ...(profiles.length === 0 ? [] : [`profiles: ${profiles.map(({ name }) => name).join(', ')}`]),
  ];
}

/** Resources for the tests of services. */
import { formatPrefix } from '../../src/net/prefix.ts';
import { clusterView } from '../../src/resources/cluster-view.ts';
import type { Change } from '../../src/resources/cluster-view.ts';
import type { AnyResource } from '../../src/resources/kinds.ts';
import { parseResource } from '../../src/resources/parse-resource.ts';
import { ServiceAdvertiser } from '../../src/advertiser/service-advertiser.ts';
import { serviceContext } from '../../src/advertiser/service-context.ts';
import type { ServiceMode } from '../../src/advertiser/service-context.ts';
import type { ServiceChanges, ServiceRoute } from '../../src/advertiser/service-routes.ts';

/** Reads a manifest that must be right. */
export function resource(manifest: object): AnyResource {
  const parsed = parseResource(manifest);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}

export const OWN_NODE = 'node-1';

/** A node in a zone (and a rack); without one it has no such label. */
export function node(name: string, labels: Record<string, string> = {}): AnyResource {
  return resource({ apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name, labels }, spec: {} });
}

export function configuration(spec: object): AnyResource {
  return resource({
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPConfiguration',
    metadata: { name: 'default' },
    spec,
  });
}

export function advertisement(name: string, spec: object): AnyResource {
  return resource({ apiVersion: 'starling.dev/v1alpha1', kind: 'ServiceAdvertisement', metadata: { name }, spec });
}

export function namespace(name: string, labels: Record<string, string>): AnyResource {
  return resource({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}

/** Service `default/web` unless `name` says another, in namespace `default`. */
export function service(
  spec: object,
  { name = 'web', labels = {}, ingress = [] as readonly (string | object)[] } = {},
) {
  return resource({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', labels },
    spec: { clusterIPs: ['10.96.0.10'], ipFamilies: ['IPv4'], ...spec },
    status: { loadBalancer: { ingress: ingress.map((ip) => (typeof ip === 'string' ? { ip } : ip)) } },
  });
}

/**
 * An endpoint: `node`, with `!` not ready, with `~` terminating and still serving, with `?` only serving, and `@zone` and
 * `>hint` after it.
 */
function endpoint(text: string): object {
  const [, state, nodeName, , zone, , hint] = /^([!~?]?)([\w-]*)(@([\w-]+))?(>([\w-]+))?$/.exec(text) ?? [];
  return {
    ...(nodeName !== '' && { nodeName }),
    ...(zone !== undefined && { zone }),
    ...(hint !== undefined && { hints: { forZones: [{ name: hint }] } }),
    conditions: { ready: state === '', serving: state !== '!', terminating: state === '~' },
  };
}

/** An EndpointSlice of service `of` with endpoints in short form, separated by spaces. */
export function slice(endpoints: string, { of = 'web', name = '', type = 'IPv4' } = {}): AnyResource {
  return resource({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: name || `${of}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': of } },
    addressType: type,
    endpoints: endpoints.split(' ').filter(Boolean).map(endpoint),
  });
}

/** The advertiser of `node-1` that was given these resources. */
export function advertiserOf(resources: readonly AnyResource[], mode: ServiceMode = 'mended'): ServiceAdvertiser {
  const advertiser = new ServiceAdvertiser();
  advertiser.replace(resources);
  advertiser.setContext(serviceContext(clusterView(resources), { name: OWN_NODE }, mode));
  return advertiser;
}

/** The routes of an advertiser, as text, sorted. */
export function routesOf({ routes }: ServiceAdvertiser): readonly string[] {
  return [...routes.keys()].sort();
}

/** What is different, as text: `+` and `-` with the prefix. */
export const differences = ({ set, removed }: ServiceChanges) => [
  ...set.map(({ prefix }) => `+${formatPrefix(prefix)}`),
  ...removed.map((prefix) => `-${formatPrefix(prefix)}`),
];

/** That an object of namespace `default` is deleted. */
export const deletion = (kind: 'Service' | 'EndpointSlice', name: string): Change => ({
  type: 'delete',
  kind,
  namespace: 'default',
  name,
});

/** All that can be seen of an advertiser; numbers of labels are its own. */
export function seenOf(advertiser: ServiceAdvertiser) {
  const routes = [...advertiser.routes].map(([text, { label, ...route }]) => ({
    text,
    ...route,
    offers: advertiser.labels.offersOf(label),
    reason: advertiser.reason(route.prefix),
  }));
  return {
    routes: routes.sort((a, b) => (a.text < b.text ? -1 : 1)),
    services: [...advertiser.list()].map(({ namespace, name }) => advertiser.explain(namespace, name)),
    counts: advertiser.counts,
    problems: advertiser.problems,
  };
}

/** Brings routes that somebody keeps in line; throws where one is removed that is not there. */
export function followChanges(routes: Map<string, ServiceRoute>, { set, removed }: ServiceChanges): void {
  for (const route of set) routes.set(formatPrefix(route.prefix), route);
  for (const prefix of removed)
    if (!routes.delete(formatPrefix(prefix))) throw new Error(`there is no ${formatPrefix(prefix)}`);
}

/** Endpoints as the API lists them, and what is asked about their packets. */
import type { EndpointReport, EndpointRulesReport } from '../../api/agent-types.ts';
import type { EndpointQuery } from '../../api/agent-view.ts';
import type { Slice } from '../../api/process-view.ts';
import { protocolName } from '../../net/protocols.ts';
import { canonicalAddress, tryParseAddress } from '../../net/address.ts';
import type { Endpoint } from '../../policy/endpoint.ts';
import type { Layer } from '../../policy/model.ts';
import type { PolicyEngine } from '../../policy/policy-engine.ts';
import { compareText } from '../../policy/resolve-rules.ts';
import { KeptListing } from './kept-listing.ts';
import { endpointsNamed, hostOwners } from './packet-end.ts';
import type { ExplanationInputs } from './packet-end.ts';

/** Layers that an endpoint can have, first the one that most ask for. */
const LAYERS: Readonly<Record<Endpoint['kind'], readonly Layer[]>> = {
  workload: ['workload'],
  host: ['host', 'forward', 'preDNAT', 'untracked'],
  set: [],
};

/** Where packets that no policy decides go on, whatever the default action of a tier is. */
const GOES_ON: ReadonlySet<Layer> = new Set(['preDNAT', 'untracked']);

const DIRECTIONS = ['ingress', 'egress'] as const;

/** Most endpoints of which is said at once what is asked about their packets: that takes a tenth of a millisecond each. */
const AT_ONCE = 50;

/** What goes on from one slice of a listing to the next. */
export class EndpointReports {
  private readonly listing = new KeptListing<Endpoint>();

  /** Endpoints that are asked for, those of this node first, from a position on. */
  slice(inputs: ExplanationInputs, query: EndpointQuery, position: number, limit: number): Slice<EndpointReport> {
    const { part, next } = this.listing.slice(JSON.stringify(query), {
      position,
      limit: Math.min(limit, AT_ONCE),
      make: () => found(inputs, query),
    });
    // What is asked of others is not at hand, so it is worked out only for those that somebody names.
    const isNamed = query.name !== undefined;
    const unenforced = unenforcedOf(inputs.engine);
    const report = (one: Endpoint) => ({
      ...endpointReport(inputs.engine, one, isNamed || one.local !== undefined),
      local: localReport(one, unenforced),
    });
    return { items: part.map(report), next };
  }
}

function found(inputs: ExplanationInputs, { name, all }: EndpointQuery): readonly Endpoint[] {
  const local: Endpoint[] = [];
  const others: Endpoint[] = [];
  for (const endpoint of name === undefined ? inputs.engine.endpoints() : endpointsFor(name, inputs)) {
    if (endpoint.local !== undefined) local.push(endpoint);
    else if (all) others.push(endpoint);
  }
  return [...local.sort((a, b) => compareText(a.name, b.name)), ...others];
}

/** By name, key, interface or address. */
function endpointsFor(text: string, { engine, interfaces }: ExplanationInputs): readonly Endpoint[] {
  if (tryParseAddress(text) !== undefined) return engine.endpointsAt(canonicalAddress(text));
  const named = endpointsNamed(engine, text);
  if (named.length > 0) return named;
  const host = hostOwners(engine, interfaces)?.get(text);
  return host === undefined ? [] : [host];
}

function endpointReport(engine: PolicyEngine, endpoint: Endpoint, withRules: boolean): Omit<EndpointReport, 'local'> {
  const { key, kind, name, namespace, node, addresses, ports, labels, profiles } = endpoint;
  return {
    key: key.replace(' /', ' '),
    kind,
    name,
    namespace: namespace ?? null,
    node: node ?? null,
    addresses: [...addresses],
    ports: ports.map((port) => ({ name: port.name, protocol: protocolName(port.protocol), port: port.port })),
    labels: { own: { ...labels }, inherited: inherited(engine, endpoint) },
    profiles: profiles.map((profile) => profileReport(engine, profile)),
    rules: withRules ? rulesReports(engine, endpoint) : null,
  };
}

/** By key, why endpoints of this node are not enforced: another one has the interface, or there is none. */
function unenforcedOf(engine: PolicyEngine): ReadonlyMap<string, string> {
  const problems = engine.problems.filter(
    ({ path: [, field] }) => field === 'interfaceName' || field === 'expectedIPs',
  );
  return new Map(problems.map(({ kind, namespace, name, message }) => [`${kind} ${namespace ?? ''}/${name}`, message]));
}

function localReport({ key, local }: Endpoint, unenforced: ReadonlyMap<string, string>): EndpointReport['local'] {
  if (local === undefined) return null;
  return { interface: local.interfaceName ?? null, up: local.up, problem: unenforced.get(key) ?? null };
}

function inherited(engine: PolicyEngine, endpoint: Endpoint): Record<string, string> {
  const { labels } = endpoint;
  return Object.fromEntries(Object.entries(engine.labelsOf(endpoint)).filter(([name]) => !Object.hasOwn(labels, name)));
}

function profileReport(engine: PolicyEngine, name: string): EndpointReport['profiles'][number] {
  return { name, exists: engine.profile(name) !== undefined };
}

function rulesReports(engine: PolicyEngine, endpoint: Endpoint): EndpointRulesReport[] {
  return LAYERS[endpoint.kind].flatMap((layer, index) =>
    DIRECTIONS.flatMap((direction) => {
      const { tiers, profiles, up } = engine.rulesOf(endpoint, direction, layer);
      // Beside the first, layers count only where a policy is in them.
      if (index > 0 && tiers.length === 0) return [];
      const applied = tiers.map(({ name, defaultAction, policies }) => ({
        name,
        defaultAction: GOES_ON.has(layer) ? ('Pass' as const) : defaultAction,
        policies: policies.map((key) => shortName(engine, key)),
      }));
      const words = up ? rulesWords(layer, applied, profiles.length) : 'It is down: nothing passes.';
      const known = profiles.map((profile) => profileReport(engine, profile));
      return [{ layer, direction, tiers: applied, profiles: known, words }];
    }),
  );
}

function shortName(engine: PolicyEngine, key: string): string {
  const policy = engine.policy(key);
  if (policy === undefined) return key;
  return policy.namespace === undefined ? policy.name : `${policy.namespace}/${policy.name}`;
}

function rulesWords(layer: Layer, tiers: EndpointRulesReport['tiers'], profiles: number): string {
  const closed = tiers.find((tier) => tier.policies.length === 0);
  if (closed !== undefined) return `When tier ${closed.name} is asked can not be read: nothing passes.`;
  const policies = tiers.reduce((sum, tier) => sum + tier.policies.length, 0);
  if (policies === 0) {
    return profiles === 0
      ? 'No policy and no profile is for it: nothing passes.'
      : 'No policy is for it; profiles decide.';
  }
  const count = policies === 1 ? '1 policy is' : `${policies} policies are`;
  const last = tiers.find(({ defaultAction }) => defaultAction === 'Deny');
  const end =
    last === undefined
      ? layer === 'workload' || layer === 'host'
        ? 'what none decides, profiles do'
        : 'what none decides goes on'
      : `what none of tier ${last.name} allows or passes on is denied`;
  return `${count} for it; ${end}.`;
}

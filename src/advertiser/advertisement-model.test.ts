/** Any ServiceAdvertisements for one service, against what docs/services.md says of them, peer by peer. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { advertiser, told } from '../../test/support/advertised-service.ts';
import { node } from '../../test/support/service-cluster.ts';
import { RANK } from './terms.ts';

const oneOf = fc.constantFrom;
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

interface Rule {
  readonly scope: 'Node' | 'Zone' | 'Cluster' | undefined;
  readonly others: 'Withdraw' | 'Backup' | undefined;
  readonly topologyKey: 'rack' | undefined;
  readonly peerSelector: string | undefined;
  readonly communities: readonly string[] | undefined;
  readonly med: number | undefined;
  readonly aggregationLength: number | undefined;
}

const anyRule: fc.Arbitrary<Rule> = fc
  .record({
    scope: optional(oneOf('Node', 'Zone', 'Cluster')),
    others: optional(oneOf('Withdraw', 'Backup')),
    topologyKey: optional(oneOf('rack')),
    peerSelector: optional(oneOf('has(a)', 'has(b)')),
    communities: optional(oneOf(['1:1'], ['1:2'])),
    med: optional(oneOf(5, 10)),
    aggregationLength: optional(oneOf(28, 26)),
  })
  .map((rule) => (rule.scope === 'Cluster' ? { ...rule, others: undefined } : rule));

interface Endpoint {
  readonly state: '' | '!' | '~';
  readonly on: 'node-1' | 'node-2' | 'node-3';
  readonly zone: 'a' | 'b' | undefined;
  readonly hint: 'a' | 'b' | undefined;
}

const anyEndpoint: fc.Arbitrary<Endpoint> = fc.record({
  state: oneOf('', '!', '~'),
  on: oneOf('node-1', 'node-2', 'node-3'),
  zone: optional(oneOf('a', 'b')),
  hint: optional(oneOf('a', 'b')),
});

const anyCluster = fc.record({
  rules: fc.array(anyRule, { minLength: 1, maxLength: 3 }),
  endpoints: fc.array(anyEndpoint, { minLength: 1, maxLength: 4 }),
  policy: oneOf('Cluster', 'Local'),
  distribution: optional(oneOf('PreferClose', 'PreferSameNode')),
  own: oneOf<{ readonly zone?: string; readonly rack?: string }>(
    { zone: 'a', rack: '1' },
    { zone: 'a' },
    { rack: '1' },
  ),
});
type Cluster = typeof anyCluster extends fc.Arbitrary<infer T> ? T : never;

const OTHERS = { 'node-2': { zone: 'a', rack: '2' }, 'node-3': { zone: 'b', rack: '1' } };

/** What a rule says by itself. */
function verdict(rule: Rule, { endpoints, policy, distribution, own }: Cluster) {
  const ready = endpoints.filter(({ state }) => state === '');
  const usable = ready.length > 0 ? ready : endpoints.filter(({ state }) => state === '~');
  const isHere = usable.some(({ on }) => on === 'node-1');
  const byDistribution = { PreferClose: 'Zone', PreferSameNode: 'Node' } as const;
  const preferred = policy === 'Local' || distribution === undefined ? undefined : byDistribution[distribution];
  const scope = rule.scope ?? preferred ?? (policy === 'Local' ? 'Node' : 'Cluster');
  const others = rule.others ?? (rule.scope === undefined && preferred !== undefined ? 'Backup' : 'Withdraw');
  const outside = others === 'Backup' && (rule.scope !== undefined || preferred !== undefined) ? 'backup' : 'withdrawn';
  const of = (role: 'primary' | 'backup' | 'withdrawn') => ({ rule, rank: RANK[scope], role });
  if (usable.length === 0 || (policy === 'Local' && !isHere)) return of('withdrawn');
  if (scope !== 'Zone') return of(scope === 'Cluster' || isHere ? 'primary' : outside);
  const key = rule.topologyKey ?? 'zone';
  if (own[key] === undefined) return of(outside);
  const isHinted = key === 'zone' && ready.length > 0 && ready.every(({ hint }) => hint !== undefined);
  const labels = { 'node-1': own, ...OTHERS };
  const zoneOf = ({ on, zone, hint }: Endpoint) =>
    isHinted ? hint : ((key === 'zone' ? zone : undefined) ?? labels[on][key]);
  const isInZone = policy === 'Local' || usable.some((endpoint) => zoneOf(endpoint) === own[key]);
  return of(isInZone ? 'primary' : outside);
}

/** What a peer is told, and of which length. */
function expected(cluster: Cluster, peer: readonly string[]) {
  const verdicts = cluster.rules
    .filter(({ peerSelector }) => peerSelector === undefined || peer.includes(peerSelector))
    .map((rule) => verdict(rule, cluster));
  const narrowest = Math.min(...verdicts.map(({ rank }) => rank));
  const decisive = verdicts.filter(({ rank }) => rank === narrowest).map(({ role }) => role);
  if (decisive.length === 0 || decisive.includes('withdrawn')) return undefined;
  const role = decisive.includes('backup') ? 'backup' : 'primary';
  const announced = verdicts.filter((one) => one.role !== 'withdrawn');
  const same = announced.filter((one) => one.role === role);
  const worse = role === 'backup' ? 100 : 0;
  const meds = same.flatMap(({ rule: { med = role === 'backup' ? 0 : undefined } }) =>
    med === undefined ? [] : [med + worse],
  );
  const communities = (role === 'backup' ? announced : same).flatMap(({ rule }) => rule.communities ?? []);
  return {
    length: Math.max(...announced.map(({ rule }) => rule.aggregationLength ?? 32)),
    role,
    communities: [...new Set(communities)].sort(),
    med: meds.length === 0 ? undefined : Math.min(...meds),
  };
}

it('tells each peer what the rules come to for it', () => {
  fc.assert(
    fc.property(anyCluster, (cluster) => {
      const { rules, endpoints, policy, distribution, own } = cluster;
      const labelled = (name: string, { zone, rack }: Cluster['own']) =>
        node(name, {
          ...(zone !== undefined && { 'topology.kubernetes.io/zone': zone }),
          ...(rack !== undefined && { rack }),
        });
      const of = advertiser(
        rules.map((rule) => Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined))),
        {
          spec: { externalTrafficPolicy: policy, trafficDistribution: distribution },
          endpoints: endpoints
            .map(({ state, on, zone, hint }) => `${state}${on}${zone ? `@${zone}` : ''}${hint ? `>${hint}` : ''}`)
            .join(' '),
          nodes: [labelled('node-1', own), ...Object.entries(OTHERS).map(([name, labels]) => labelled(name, labels))],
          settings: { serviceLoadBalancerIPs: [{ cidr: '192.0.0.0/16' }] },
        },
      );
      for (const peer of [[], ['has(a)'], ['has(b)'], ['has(a)', 'has(b)']]) {
        const seen = [32, 28, 26].flatMap((length) => {
          const terms = told(of, `192.0.2.${length === 32 ? 1 : 0}/${length}`, peer);
          return terms === undefined
            ? []
            : [{ length, role: terms.role, communities: terms.communities, med: terms.med }];
        });
        expect(seen).toEqual([expected(cluster, peer) ?? []].flat());
      }
    }),
    { numRuns: 300 },
  );
});

/** Random models of policies for {@link PacketScene}, and packets that they have something to say about. */
import fc from 'fast-check';
import { formatPrefix, parsePrefix, prefixContains } from '../../src/net/prefix.ts';
import { widestPrefixes } from '../../src/net/widest-prefixes.ts';
import type { Packet, SetLookup } from '../../src/policy/decide.ts';
import type { EndpointRules, LocalHost, LocalWorkload } from '../../src/policy/model.ts';
import type { Policy, PolicyScope, Profile } from '../../src/policy/policy.ts';
import type { Action, Direction, IpVersion, PortMatch, Rule, RuleEnd, SetSpec } from '../../src/policy/rule.ts';
import { serviceOf } from '../../src/policy/set-spec.ts';
import { OUTSIDE } from './packet-scene.ts';
import type { Arrival } from './packet-scene.ts';
import { addressSet, portSet, ruleOf } from './ruleset-model.ts';

export interface RandomModel {
  readonly members: ReadonlyMap<SetSpec, readonly string[]>;
  readonly policies: readonly Policy[];
  readonly profiles: readonly Profile[];
  readonly rules: readonly EndpointRules[];
  readonly workloads: readonly LocalWorkload[];
  readonly host: LocalHost;
}

const WORKLOADS = [0, 1, 2, 3];
const HOSTS = [1, 2, 3];
const VERSIONS: readonly IpVersion[] = [4, 6];
const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];
const PORTS = [1, 80, 443, 1000, 1500, 2000, 65535];
const WITH_PORTS = [6, 17, 132, 136];

/** Addresses behind a link, see {@link PacketScene}. */
function addressesAt(link: number, version: IpVersion): string[] {
  if (link === OUTSIDE) return version === 4 ? ['192.0.2.1', '203.0.113.9'] : ['2001:db8::1', '2001:db8:9::9'];
  return HOSTS.map((host) => (version === 4 ? `10.65.${link}.${host}` : `fd00:65:a${link}::${host}`));
}

const ADDRESSES = [...WORKLOADS, OUTSIDE].flatMap((link) => VERSIONS.flatMap((version) => addressesAt(link, version)));

const NETS = (
  '10.65.0.0/16 10.65.1.0/24 10.65.2.2/31 10.65.3.3/32 192.0.2.0/24 0.0.0.0/0 128.0.0.0/1 ' +
  'fd00::/8 fd00:65:a1::/48 fd00:65:a2::2/127 fd00:65:a3::3/128 2001:db8::/32 ::/0 8000::/1'
).split(' ');

const ADDRESS_SETS = ['a', 'b', 'c'].map(addressSet);
const PORT_SETS = [portSet('a'), portSet('b'), serviceOf('x', 'svc', true)];

const members = fc
  .tuple(
    fc.array(fc.subarray([...ADDRESSES, ...NETS.filter((net) => !net.endsWith('/0'))]), { minLength: 3, maxLength: 3 }),
    fc.array(
      fc.uniqueArray(fc.tuple(fc.constantFrom(...ADDRESSES), fc.constantFrom(6, 17, 132), fc.constantFrom(...PORTS)), {
        selector: (member) => member.join(' '),
        maxLength: 12,
      }),
      { minLength: 3, maxLength: 3 },
    ),
    fc.constantFrom<readonly IpVersion[]>([4, 6], [4, 6], [4], [6]),
  )
  .map(([addresses, ports, versions]) => {
    const isOfVersion = (text: string) => versions.includes(text.includes(':') ? 6 : 4);
    return new Map<SetSpec, readonly string[]>([
      ...ADDRESS_SETS.map((set, index) => [set, withoutNested(addresses[index]).filter(isOfVersion)] as const),
      ...PORT_SETS.map(
        (set, index) => [set, ports[index].map((parts) => parts.join(' ')).filter(isOfVersion)] as const,
      ),
    ]);
  });

/** Prefixes do not overlap in a set; addresses may lie in them. */
function withoutNested(texts: readonly string[]): string[] {
  const nets = texts.filter((text) => text.includes('/')).map(parsePrefix);
  return [...texts.filter((text) => !text.includes('/')), ...widestPrefixes(nets).map(formatPrefix)];
}

const sometimes = <T>(arbitrary: fc.Arbitrary<T>, percent: number) =>
  fc.integer({ min: 1, max: 100 }).chain((dice) => (dice <= percent ? arbitrary : fc.constant(undefined)));

const nets = fc.subarray(NETS, { minLength: 1, maxLength: 6 }).map((texts) => texts.map(parsePrefix));

const range = fc
  .tuple(fc.constantFrom(...PORTS), fc.constantFrom(...PORTS))
  .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

const portMatch: fc.Arbitrary<PortMatch> = fc.record({
  ranges: fc.array(
    fc.oneof(
      range,
      fc.constantFrom(...PORTS).map((port) => [port, port] as const),
    ),
    { maxLength: 8 },
  ),
  sets: fc.subarray(PORT_SETS, { maxLength: 2 }),
});

const end = (withPorts: boolean): fc.Arbitrary<RuleEnd> =>
  fc
    .record({
      nets: sometimes(nets, 15),
      notNets: sometimes(nets, 10),
      in: sometimes(fc.constantFrom(...ADDRESS_SETS), 30),
      notIn: sometimes(fc.constantFrom(...ADDRESS_SETS), 15),
      ports: sometimes(portMatch, withPorts ? 30 : 3),
      notPorts: sometimes(portMatch, withPorts ? 10 : 3),
    })
    .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));

const icmpMatch = fc.record({ type: fc.constantFrom(3, 8, 128), code: fc.constantFrom(0, 1, 5) }, { requiredKeys: [] });

const ACTIONS: readonly Action[] = ['Allow', 'Allow', 'Allow', 'Deny', 'Deny', 'Pass', 'Log'];

const rule: fc.Arbitrary<Omit<Rule, 'index'>> = fc
  .record({
    protocol: sometimes(fc.constantFrom(...WITH_PORTS, 6, 17, 1, 58, 47), 50),
    notProtocol: sometimes(fc.constantFrom(6, 17, 1), 10),
    icmp: sometimes(icmpMatch, 10),
    notIcmp: sometimes(icmpMatch, 10),
    action: fc.constantFrom(...ACTIONS),
    families: fc.constantFrom<readonly IpVersion[]>([4, 6], [4, 6], [4], [6]),
  })
  .chain(({ protocol, notProtocol, icmp, notIcmp, action, families }) => {
    const hasPorts = protocol !== undefined && WITH_PORTS.includes(protocol);
    return fc.record({ source: end(hasPorts), destination: end(hasPorts) }).map((ends) => ({
      action,
      families,
      ...(protocol === undefined ? {} : { protocol }),
      ...(notProtocol === undefined ? {} : { notProtocol }),
      ...(icmp === undefined ? {} : { icmp }),
      ...(notIcmp === undefined ? {} : { notIcmp }),
      ...ends,
    }));
  });

const ruleList = fc
  .array(rule, { maxLength: 4 })
  .map((rules) => rules.map((one, index) => ({ ...one, index }) satisfies Rule));

const NAMES = ['p', 'q', 'r', 'odd "name"; $x'];

const policies = (scope: PolicyScope, names: readonly string[]) =>
  fc.tuple(...names.map(() => fc.record({ ingress: ruleList, egress: ruleList }))).map((all) =>
    all.map((rules, index): Policy => ({
      key: `${names[index]}/${scope}/GlobalNetworkPolicy`,
      kind: 'GlobalNetworkPolicy',
      name: `${names[index]}.${scope}`,
      tier: 'default',
      order: 1000,
      scope,
      selector: 'all()',
      ...rules,
    })),
  );

const profiles = fc.tuple(ruleList, ruleList).map(([ingress, egress]): Profile[] => [
  { name: 'some', ingress, egress, labels: {} },
  { name: 'all', ingress: [ruleOf({})], egress: [ruleOf({})], labels: {} },
]);

const tiers = (scope: PolicyScope) =>
  fc
    .array(
      fc.record({
        defaultAction: fc.constantFrom<'Deny' | 'Pass'>('Deny', 'Pass'),
        policies: fc
          .subarray(NAMES, { minLength: 1 })
          .map((names) => names.map((name) => `${name}/${scope}/GlobalNetworkPolicy`)),
      }),
      { maxLength: 3 },
    )
    .map((all) => all.map((tier, index) => ({ ...tier, name: `tier${index}` })));

const PROFILES: readonly (readonly string[])[] = [
  [],
  ['some'],
  ['some', 'all'],
  ['missing', 'all'],
  ['some', 'missing'],
];

const rulesFor = (layer: EndpointRules['layer'], direction: Direction, id: string): fc.Arbitrary<EndpointRules> =>
  fc
    .record({
      tiers: tiers(layer === 'preDNAT' ? 'preDNAT' : 'normal'),
      profiles: fc.constantFrom(...(layer === 'workload' ? PROFILES : [[]])),
      dice: fc.integer({ min: 1, max: 20 }),
    })
    .map(({ tiers, profiles, dice }) => {
      const up = dice > 1 || layer !== 'workload';
      // With both ends choosy hardly any packet would arrive.
      if (dice > 10) return { id, layer, direction, up, tiers: [], profiles: layer === 'workload' ? ['all'] : [] };
      return { id, layer, direction, up, tiers, profiles };
    });

export const randomModel: fc.Arbitrary<RandomModel> = fc
  .record({
    members,
    policies: fc.tuple(policies('normal', NAMES), policies('preDNAT', NAMES)).map((all) => all.flat()),
    profiles,
    rules: fc.tuple(
      ...WORKLOADS.flatMap((link) =>
        DIRECTIONS.map((direction) => rulesFor('workload', direction, `${direction}${link}`)),
      ),
      ...DIRECTIONS.map((direction) => rulesFor('forward', direction, `${direction}-up`)),
      rulesFor('preDNAT', 'ingress', 'early'),
    ),
  })
  .map((model) => ({
    ...model,
    workloads: WORKLOADS.map((link) => ({
      endpoint: `WorkloadEndpoint x/${link}`,
      interfaceName: `cali${link}`,
      ingress: `ingress${link}`,
      egress: `egress${link}`,
      spoofable: link === 2 ? ['192.0.2.0/25', 'fd00:65:a1::/64'] : [],
    })),
    host: {
      endpoint: 'HostEndpoint up',
      interfaceName: 'up0',
      rules: { forward: { ingress: 'ingress-up', egress: 'egress-up' }, preDNAT: { ingress: 'early' } },
    },
  }));

/** The link that the router sends packets to an address by. */
export function linkOf(address: string): number {
  const [, link] = /^(?:10\.65\.|fd00:65:a)(\d)/.exec(address) ?? [];
  return link === undefined ? OUTSIDE : Number(link);
}

const packet: fc.Arbitrary<Arrival> = fc
  .record({
    version: fc.constantFrom(...VERSIONS),
    from: fc.constantFrom(...WORKLOADS, OUTSIDE),
    to: fc.constantFrom(...WORKLOADS, OUTSIDE),
    spoofed: sometimes(fc.constantFrom(...WORKLOADS, OUTSIDE), 5),
    pick: fc.tuple(fc.nat(5), fc.nat(5)),
    protocol: fc.constantFrom(6, 6, 17, 17, 132, 136, 1, 1, 47),
    ports: fc.tuple(fc.constantFrom(...PORTS), fc.constantFrom(...PORTS)),
    icmp: fc.tuple(fc.constantFrom(3, 8, 128), fc.constantFrom(0, 1, 5)),
  })
  .filter(({ from, to }) => from !== to)
  .map(({ version, from, to, spoofed, pick, protocol, ports, icmp }) => {
    const one = (link: number, at: number) => {
      const addresses = addressesAt(link, version);
      return addresses[at % addresses.length];
    };
    const isIcmp = protocol === 1;
    const shown: Packet = {
      version,
      source: one(spoofed ?? from, pick[0]),
      destination: one(to, pick[1]),
      protocol: isIcmp && version === 6 ? 58 : protocol,
      ...(isIcmp ? { icmp: { type: icmp[0], code: icmp[1] } } : {}),
      ...(WITH_PORTS.includes(protocol) ? { sourcePort: ports[0], destinationPort: ports[1] } : {}),
    };
    return { link: from, packet: shown };
  });

export const randomPackets = fc.array(packet, { minLength: 300, maxLength: 300 });

/** Asks the members of a model. */
export function lookupIn({ members }: RandomModel): SetLookup {
  const byId = new Map([...members].map(([set, texts]) => [set.id, texts]));
  const nets = new Map(
    [...byId].map(([id, texts]) => [id, texts.filter((text) => !text.includes(' ')).map(parsePrefix)]),
  );
  return {
    hasAddress: ({ id }, address) => nets.get(id)?.some((net) => prefixContains(net, parsePrefix(address))) ?? false,
    hasPort: ({ id }, address, protocol, port) => byId.get(id)?.includes(`${address} ${protocol} ${port}`) ?? false,
  };
}

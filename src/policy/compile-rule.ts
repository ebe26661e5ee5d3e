/** From the rules of Calico's policies and profiles to rules ready to be asked. */
import { IPV4_UNICAST } from '../net/family.ts';
import { parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Metadata } from '../resources/resource.ts';
import { portMatch } from './port-match.ts';
import type { PolicyProblem } from './problem.ts';
import { protocolNumber } from '../net/protocols.ts';
import type { Direction, IcmpMatch, IpVersion, PortMatch, Rule, RuleEnd } from './rule.ts';
import { endSelectors } from './rule-selectors.ts';
import type { WrittenEnd, WrittenRule } from './rule-selectors.ts';
import { addressesOf, serviceOf } from './set-spec.ts';

const VERSIONS: readonly IpVersion[] = [4, 6];

/**
 * The rule, or undefined where it matches nothing: it holds for no family, or asks what can not be seen in a packet (`http`).
 * `namespace` is that of the policy.
 */
export function compileRule(written: WrittenRule, index: number, namespace: string | undefined): Rule | undefined {
  if (written.leftOut) return undefined;
  // Only a proxy sees requests. Without them nobody knows which packets the rule would allow, so it allows none.
  if (written.http !== undefined) return undefined;
  const families = familiesOf(written);
  if (families.length === 0) return undefined;
  const { protocol, notProtocol, icmp, notICMP, source = {}, destination = {} } = written;
  const number = protocol === undefined ? undefined : protocolNumber(protocol);
  const [icmpMatch, notIcmp] = [icmpOf(icmp), icmpOf(notICMP)];
  return {
    index,
    action: written.action,
    families,
    ...(number === undefined ? {} : { protocol: number }),
    ...(notProtocol === undefined ? {} : { notProtocol: protocolNumber(notProtocol) }),
    ...(icmpMatch === undefined ? {} : { icmp: icmpMatch }),
    ...(notIcmp === undefined ? {} : { notIcmp }),
    source: compileEnd(source, { families, protocol: number ?? 0, namespace, isSource: true }),
    destination: compileEnd(destination, { families, protocol: number ?? 0, namespace, isSource: false }),
  };
}

/** A resource with rules in both directions. */
interface RuleOwner {
  readonly kind: string;
  readonly metadata: Metadata;
  readonly spec: { readonly ingress: readonly WrittenRule[]; readonly egress: readonly WrittenRule[] };
}

/** All rules of a direction that match anything; says of the others that they don't. */
export function compileRules(owner: RuleOwner, direction: Direction, problems: PolicyProblem[]): Rule[] {
  const { kind, metadata, spec } = owner;
  const { name, namespace } = metadata;
  return spec[direction].flatMap((written, index) => {
    const rule = compileRule(written, index, namespace);
    if (rule !== undefined) return [rule];
    if (written.http === undefined && !written.leftOut) {
      const message = 'matches nothing: its nets and its protocol leave no packet of either IP version';
      const path = ['spec', direction, index];
      problems.push({
        kind,
        ...(namespace === undefined ? {} : { namespace }),
        name,
        path,
        message,
        severity: 'warning',
      });
    }
    return [];
  });
}

/** A match without a type is none. */
function icmpOf(written: WrittenRule['icmp']): IcmpMatch | undefined {
  if (written?.type === undefined) return undefined;
  const { type, code } = written;
  return code === undefined ? { type } : { type, code };
}

/** Families whose packets the rule can match. As Calico has it, a list without nets of a family takes that family out, `notNets` as well. */
function familiesOf(rule: WrittenRule): readonly IpVersion[] {
  const lists = [rule.source, rule.destination].flatMap((end) => [
    { nets: (end?.nets ?? []).map(parsePrefix), negated: false },
    { nets: (end?.notNets ?? []).map(parsePrefix), negated: true },
  ]);
  return VERSIONS.filter((version) => {
    if (rule.ipVersion !== undefined && rule.ipVersion !== version) return false;
    if (icmpOf(rule.icmp) !== undefined || icmpOf(rule.notICMP) !== undefined) {
      // The numbers of types mean something else in the other family.
      if (version !== (protocolNumber(rule.protocol ?? 'ICMP') === protocolNumber('ICMP') ? 4 : 6)) return false;
    }
    return lists.every(({ nets, negated }) => {
      if (nets.length === 0) return true;
      const own = nets.filter((net) => versionOf(net) === version);
      return own.length > 0 && !(negated && own.some(({ length }) => length === 0));
    });
  });
}

function versionOf({ family }: Prefix): IpVersion {
  return family === IPV4_UNICAST ? 4 : 6;
}

interface EndContext {
  readonly families: readonly IpVersion[];
  /** 0 where the rule names none; then it has no ports. */
  readonly protocol: number;
  readonly namespace: string | undefined;
  readonly isSource: boolean;
}

function compileEnd(end: WrittenEnd, { families, protocol, namespace, isSource }: EndContext): RuleEnd {
  const { positive, negative } = endSelectors(end, namespace);
  const nets = netsOf(end.nets, families);
  const notNets = netsOf(end.notNets, families);
  const picked = positive?.toString();
  const portsIn = (ports: WrittenEnd['ports']): PortMatch | undefined =>
    ports === undefined || ports.length === 0 ? undefined : portMatch(ports, protocol, picked ?? 'all()');
  const ports = portsIn(end.ports);
  const notPorts = portsIn(end.notPorts);
  return {
    ...(nets === undefined ? {} : { nets }),
    ...(notNets === undefined ? {} : { notNets }),
    ...(picked === undefined ? {} : { in: addressesOf(picked) }),
    ...(negative === undefined ? {} : { notIn: addressesOf(negative.toString()) }),
    ...(ports === undefined ? {} : { ports }),
    ...(notPorts === undefined ? {} : { notPorts }),
    ...(end.services === undefined ? {} : serviceEnd(end.services, namespace, isSource)),
  };
}

/** An empty list asks nothing. */
function netsOf(texts: readonly string[] | undefined, families: readonly IpVersion[]): readonly Prefix[] | undefined {
  if (texts === undefined || texts.length === 0) return undefined;
  return texts.map(parsePrefix).filter((net) => families.includes(versionOf(net)));
}

/** As a destination a Service is its endpoints with the ports that they serve; as a source, any port of them. */
function serviceEnd(
  services: NonNullable<WrittenEnd['services']>,
  namespace: string | undefined,
  isSource: boolean,
): RuleEnd {
  const set = serviceOf(services.namespace ?? namespace ?? '', services.name, !isSource);
  return isSource ? { in: set } : { ports: { ranges: [], sets: [set] } };
}

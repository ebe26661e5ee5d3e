/** From the rules of Kubernetes' NetworkPolicy to those of Calico, which say the same. */
import type { ResourceOf } from '../resources/kinds.ts';
import { ALL, and, compare, has, isIn, isNotIn, not } from '../resources/selector-terms.ts';
import type { Selector } from '../resources/selector.ts';
import { ORCHESTRATOR_LABEL } from './labels.ts';
import { splitPorts } from './port-match.ts';
import type { Direction } from './rule.ts';
import type { WrittenEnd, WrittenRule } from './rule-selectors.ts';

type Spec = ResourceOf<'KubernetesNetworkPolicy'>['spec'];
type LabelSelector = Spec['podSelector'];
type Peer = NonNullable<NonNullable<Spec['ingress']>[number]['from']>[number];
type Ports = NonNullable<NonNullable<Spec['ingress']>[number]['ports']>;

export interface KubernetesRule {
  readonly ports?: Ports | undefined;
  readonly from?: readonly Peer[] | undefined;
  readonly to?: readonly Peer[] | undefined;
  readonly leftOut?: true | undefined;
}

/** The rules that one comes to: one for each protocol and peer. They only allow. */
export function kubernetesRule(direction: Direction, rule: KubernetesRule): readonly WrittenRule[] {
  if (rule.leftOut) return [];
  const peers = (direction === 'ingress' ? rule.from : rule.to) ?? [];
  const ends = peers.length === 0 ? [undefined] : peers.map(peerEnd);
  return portsByProtocol(rule.ports ?? []).flatMap(({ protocol, ports }) =>
    ends.map((end): WrittenRule => {
      const portsOfDestination = ports === undefined ? {} : { ports };
      const destination = { ...(direction === 'egress' ? end : {}), ...portsOfDestination };
      return {
        action: 'Allow',
        ...(protocol === undefined ? {} : { protocol }),
        ...(direction === 'ingress' && end !== undefined ? { source: end } : {}),
        ...(Object.keys(destination).length === 0 ? {} : { destination }),
      };
    }),
  );
}

interface ProtocolPorts {
  /** Undefined: any, for the list of ports is empty. */
  readonly protocol?: string;
  /** Undefined: all. */
  readonly ports?: readonly (string | number)[];
}

function portsByProtocol(ports: Ports): readonly ProtocolPorts[] {
  if (ports.length === 0) return [{}];
  const protocols = [...new Set(ports.map(({ protocol }) => protocol))];
  return protocols.map((protocol) => {
    const group = ports.filter((port) => port.protocol === protocol);
    if (group.some(({ port }) => port === undefined)) return { protocol };
    const { ranges, names } = splitPorts(
      group.map(({ port = '', endPort }) => (endPort === undefined ? port : `${port}:${endPort}`)),
    );
    return {
      protocol,
      ports: [...names, ...ranges.map(([first, last]) => (first === last ? first : `${first}:${last}`))],
    };
  });
}

function peerEnd({ podSelector: pods, namespaceSelector, ipBlock }: Peer): WrittenEnd {
  if (ipBlock !== undefined) {
    const { cidr, except = [] } = ipBlock;
    return { nets: [cidr], ...(except.length === 0 ? {} : { notNets: except }) };
  }
  const namespaces =
    namespaceSelector === undefined ? {} : { namespaceSelector: labelSelector(namespaceSelector).toString() };
  return { selector: podSelector(pods ?? {}).toString(), ...namespaces };
}

/** What a selector of pods picks, in whatever namespace. */
export function podSelector(selector: LabelSelector): Selector {
  const terms = termsOf(selector);
  return and([compare(ORCHESTRATOR_LABEL, '==', 'k8s'), ...terms]);
}

/** Without terms it picks all. */
export function labelSelector(selector: LabelSelector): Selector {
  const terms = termsOf(selector);
  return terms.length === 0 ? ALL : and(terms);
}

function termsOf({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Selector[] {
  const keys = Object.keys(matchLabels).sort();
  return [...keys.map((key) => compare(key, '==', matchLabels[key])), ...matchExpressions.map(expressionTerm)];
}

function expressionTerm({
  key,
  operator,
  values = [],
}: NonNullable<LabelSelector['matchExpressions']>[number]): Selector {
  switch (operator) {
    case 'In':
      return isIn(key, new Set(values));
    case 'NotIn':
      return isNotIn(key, new Set(values));
    case 'Exists':
      return has(key);
    case 'DoesNotExist':
    default:
      return not(has(key));
  }
}

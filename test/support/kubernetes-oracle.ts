/**
 * What NetworkPolicies of Kubernetes mean, straight from their fields: no selectors, sets or order of rules. To compare with what is
 * worked out from them.
 */

type Labels = Readonly<Record<string, string>>;

export interface OracleSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

export interface OraclePeer {
  readonly podSelector?: OracleSelector;
  readonly namespaceSelector?: OracleSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

export interface OraclePort {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
}

export interface OracleRule {
  readonly from?: readonly OraclePeer[];
  readonly to?: readonly OraclePeer[];
  readonly ports?: readonly OraclePort[];
}

export interface OraclePolicy {
  readonly namespace: string;
  readonly name: string;
  readonly spec: {
    readonly podSelector: OracleSelector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly OracleRule[];
    readonly egress?: readonly OracleRule[];
  };
}

export interface OraclePod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly address: string;
  /** Number by name and protocol, `serve-80-tcp TCP`. */
  readonly ports: ReadonlyMap<string, number>;
}

export interface OracleCluster {
  readonly namespaces: ReadonlyMap<string, Labels>;
  readonly pods: readonly OraclePod[];
  readonly policies: readonly OraclePolicy[];
}

export interface Connection {
  readonly source: OraclePod;
  readonly destination: OraclePod;
  readonly protocol: string;
  readonly port: number;
}

/** Whether a connection is possible: each pod that a policy is for in a direction needs a rule for it. */
export function oracleAllows({ namespaces, policies }: OracleCluster, connection: Connection): boolean {
  const { source, destination } = connection;
  return (
    sideAllows('Egress', source, destination, connection) && sideAllows('Ingress', destination, source, connection)
  );

  function sideAllows(type: string, pod: OraclePod, other: OraclePod, { protocol, port }: Connection): boolean {
    const about = policies.filter(
      ({ namespace, spec }) =>
        namespace === pod.namespace && selects(spec.podSelector, pod.labels) && typesOf(spec).includes(type),
    );
    if (about.length === 0) return true;
    return about.some(({ namespace, spec }) =>
      ((type === 'Ingress' ? spec.ingress : spec.egress) ?? []).some((rule) => {
        const peers = (type === 'Ingress' ? rule.from : rule.to) ?? [];
        const ports = rule.ports ?? [];
        return (
          (peers.length === 0 || peers.some((peer) => isPeer(peer, other, namespace))) &&
          (ports.length === 0 || ports.some((one) => isPort(one, destination, protocol, port)))
        );
      }),
    );
  }

  function isPeer(peer: OraclePeer, pod: OraclePod, policyNamespace: string): boolean {
    if (peer.ipBlock !== undefined) {
      const { cidr, except = [] } = peer.ipBlock;
      return isWithin(pod.address, cidr) && !except.some((range) => isWithin(pod.address, range));
    }
    const inNamespace =
      peer.namespaceSelector === undefined
        ? pod.namespace === policyNamespace
        : selects(peer.namespaceSelector, namespaces.get(pod.namespace) ?? {});
    return inNamespace && selects(peer.podSelector ?? {}, pod.labels);
  }
}

function typesOf({ policyTypes, egress = [] }: OraclePolicy['spec']): readonly string[] {
  return policyTypes ?? (egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress']);
}

function isPort({ protocol = 'TCP', port, endPort }: OraclePort, server: OraclePod, of: string, at: number): boolean {
  if (protocol !== of) return false;
  if (port === undefined) return true;
  if (typeof port === 'string') return server.ports.get(`${port} ${protocol}`) === at;
  return at >= port && at <= (endPort ?? port);
}

function selects({ matchLabels = {}, matchExpressions = [] }: OracleSelector, labels: Labels): boolean {
  if (!Object.entries(matchLabels).every(([key, value]) => labels[key] === value)) return false;
  return matchExpressions.every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    const isOne = value !== undefined && values.includes(value);
    return operator === 'In' ? isOne : !isOne;
  });
}

/** IPv4 only. */
function isWithin(address: string, cidr: string): boolean {
  const [net, length] = cidr.split('/');
  const shift = 2 ** (32 - Number(length));
  return Math.floor(numberOf(address) / shift) === Math.floor(numberOf(net) / shift);
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

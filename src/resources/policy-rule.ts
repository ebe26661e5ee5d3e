/** The rules of Calico's policies and profiles. */
import { z } from 'zod';
import { parsePrefix, prefixContains } from '../net/prefix.ts';
import { IPV4_UNICAST } from '../net/family.ts';
import { NO_QUOTES, UNQUOTED, cidr, emptyAsUnset, ipAddress, selector, textField } from './fields.ts';
import type { Immutable, Problem } from './resource.ts';

/** Protocols that have names in rules. */
const PROTOCOLS = ['TCP', 'UDP', 'ICMP', 'ICMPv6', 'SCTP', 'UDPLite'] as const;

/** A protocol by name or by number (1 to 255); a name becomes that of the list, whatever its case. */
export const protocol = z.union([z.string(), z.int()]).transform((written, context): string | number => {
  const name = PROTOCOLS.find((known) => known.toLowerCase() === String(written).toLowerCase());
  const number = Number(written);
  if (name !== undefined) return name;
  if (/^\d+$/.test(String(written)) && number >= 1 && number <= 255) return number;
  const message = `${JSON.stringify(written)} is not a protocol: ${PROTOCOLS.join(', ')}, or 1 to 255`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** Names of ports have a letter, so that what looks like numbers and is none (`80-90`, `-1`) is a mistake and no name. */
export const PORT_NAME = /^(?=.*[a-zA-Z])[a-zA-Z0-9_.-]{1,128}$/;

/** A port, a range `first:last`, or the name of a port of the endpoints. */
const port = z.union([z.int(), z.string()]).transform((written, context): string | number => {
  const text = String(written);
  const numbers = /^\d+(:\d+)?$/.test(text) ? text.split(':').map(Number) : undefined;
  if (numbers === undefined && PORT_NAME.test(text)) return text;
  const [first, last = first] = numbers ?? [];
  if (first === undefined || first > last || last > 65535) {
    const message = `${JSON.stringify(written)} is not a port: 0 to 65535, a range such as "8080:8090", or a name`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
  return numbers?.length === 1 ? first : `${first}:${last}`;
});

/**
 * A prefix or an address; an address becomes the prefix of only itself. IPv4-mapped ones (RFC 4291 §2.5.5.2) are of no packet: who
 * writes them means IPv4, so as IPv6 they would deny nothing.
 */
export const net = textField((text) => {
  const address = ipAddress.safeParse(text).data;
  const prefix = text.includes('/') ? cidr.safeParse(text).data : address && `${address}/${addressLength(address)}`;
  return prefix === undefined || prefixContains(IPV4_MAPPED, parsePrefix(prefix)) ? undefined : prefix;
}, 'an IP address or a prefix such as 10.0.0.0/8');

const IPV4_MAPPED = parsePrefix('::ffff:0:0/96');

function addressLength(address: string): number {
  return address.includes(':') ? 128 : 32;
}

/** One end of a connection. All that is given must be so. */
const entity = z
  .strictObject({
    nets: z.array(net).optional(),
    notNets: z.array(net).optional(),
    selector: selector.optional(),
    notSelector: selector.optional(),
    namespaceSelector: selector.optional(),
    ports: z.array(port).optional(),
    notPorts: z.array(port).optional(),
    serviceAccounts: z
      .strictObject({ names: z.array(z.string().regex(NO_QUOTES, UNQUOTED)).optional(), selector: selector.optional() })
      .optional(),
    /** The endpoints of a Kubernetes Service. */
    services: z.strictObject({ name: z.string().min(1), namespace: emptyAsUnset(z.string()) }).optional(),
  })
  .check(({ value, issues }) => {
    if (value.services === undefined) return;
    for (const field of WITHOUT_SERVICES) {
      if (value[field] === undefined) continue;
      issues.push({ code: 'custom', path: [field], message: 'must not be set together with services', input: value });
    }
  });

const WITHOUT_SERVICES = [
  'nets',
  'notNets',
  'selector',
  'notSelector',
  'namespaceSelector',
  'ports',
  'notPorts',
  'serviceAccounts',
] as const;

const icmp = z
  .strictObject({ type: z.int().min(0).max(254).optional(), code: z.int().min(0).max(255).optional() })
  .refine(({ type, code }) => code === undefined || type !== undefined, {
    path: ['type'],
    message: 'is required with code',
  });

const http = z.object({
  methods: z.array(z.string()).optional(),
  paths: z
    .array(
      z
        .object({ exact: z.string().optional(), prefix: z.string().optional() })
        .refine(({ exact, prefix }) => (exact === undefined) !== (prefix === undefined), 'must have exact or prefix'),
    )
    .optional(),
});

/** Of a rule that only keeps the place of one that can't be read: it matches nothing. Nobody writes it. */
export const leftOut = z.literal(true).optional();

/** A rule matches where all that it says holds, so none is read of which a field is not known. */
export const policyRule = z
  .strictObject({
    action: z.enum(['Allow', 'Deny', 'Log', 'Pass']),
    ipVersion: z.literal([4, 6]).optional(),
    protocol: protocol.optional(),
    notProtocol: protocol.optional(),
    icmp: icmp.optional(),
    notICMP: icmp.optional(),
    source: entity.optional(),
    destination: entity.optional(),
    http: http.optional(),
    metadata: z.object({ annotations: z.record(z.string(), z.string()).optional() }).optional(),
    leftOut,
  })
  .check(({ value, issues }) => {
    for (const [path, message] of faults(value))
      issues.push({ code: 'custom', path: [...path], message, input: value });
  });

/** A rule of what belongs to no namespace, in which a Service could be looked for. */
export const clusterRule = policyRule.check(({ value, issues }) => {
  for (const end of ['source', 'destination'] as const) {
    const services = value[end]?.services;
    if (services === undefined || services.namespace !== undefined) continue;
    issues.push({ code: 'custom', path: [end, 'services', 'namespace'], message: 'is required', input: value });
  }
});

type Rule = z.output<typeof policyRule>;

const WITH_PORTS: ReadonlySet<unknown> = new Set(['TCP', 'UDP', 'SCTP', 6, 17, 132]);

function* faults(rule: Rule): Generator<[path: readonly (string | number)[], message: string]> {
  if (rule.leftOut && rule.action !== 'Allow') yield [['leftOut'], 'is possible only with action Allow'];
  for (const end of ['source', 'destination'] as const) {
    for (const field of ['ports', 'notPorts'] as const) {
      if ((rule[end]?.[field] ?? []).length > 0 && !WITH_PORTS.has(rule.protocol)) {
        yield [[end, field], 'needs protocol TCP, UDP or SCTP'];
      }
    }
    if (rule.ipVersion !== undefined) yield* foreignNets(rule.ipVersion, end, rule[end] ?? {});
  }
  for (const field of ['icmp', 'notICMP'] as const) {
    if (rule[field] === undefined) continue;
    if (rule.protocol !== 'ICMP' && rule.protocol !== 'ICMPv6') yield [[field], 'needs protocol ICMP or ICMPv6'];
    else if (rule.ipVersion !== undefined && (rule.protocol === 'ICMP') !== (rule.ipVersion === 4)) {
      yield [['ipVersion'], `must be ${rule.protocol === 'ICMP' ? 4 : 6} with protocol ${rule.protocol}`];
    }
  }
  if (rule.http === undefined) return;
  if (rule.action !== 'Allow') yield [['http'], 'is possible only with action Allow'];
  if (rule.protocol !== 'TCP' && rule.protocol !== 6) yield [['http'], 'needs protocol TCP'];
}

function* foreignNets(
  version: 4 | 6,
  end: string,
  entity: NonNullable<Rule['source']>,
): Generator<[path: readonly (string | number)[], message: string]> {
  for (const field of ['nets', 'notNets'] as const) {
    for (const [i, text] of (entity[field] ?? []).entries()) {
      if ((parsePrefix(text).family === IPV4_UNICAST) === (version === 4)) continue;
      yield [[end, field, i], `${text} is not of IP version ${version}, which the rule is for`];
    }
  }
}

/** What both kinds of policies have. Without `types` a policy governs both directions. */
export const policyFields = {
  tier: z
    .string()
    .transform((name) => (name === '' ? 'default' : name))
    .default('default'),
  /** Lower comes first; without it a policy comes last. */
  order: z.number().optional(),
  selector: selector.optional(),
  serviceAccountSelector: selector.optional(),
  types: z.array(z.enum(['Ingress', 'Egress'])).optional(),
  performanceHints: z.array(z.string()).optional(),
};

/** The rules of a policy or profile: `policyRule` of those in namespaces, else `clusterRule`. */
export function ruleLists(rule: typeof policyRule) {
  return { ingress: z.array(rule).default([]), egress: z.array(rule).default([]) };
}

type Read = Immutable<Rule>;

/** Warnings about rules that are read and never match. */
export function reviewRules(spec: { readonly ingress: readonly Read[]; readonly egress: readonly Read[] }): Problem[] {
  return (['ingress', 'egress'] as const).flatMap((direction) =>
    spec[direction].flatMap(({ http: requests }, i): Problem[] =>
      requests === undefined ? [] : [{ path: ['spec', direction, i, 'http'], message: HTTP, severity: 'warning' }],
    ),
  );
}

const HTTP = 'is not seen here, so the rule matches nothing: what it would allow stays closed';

/** A named port of an endpoint. */
export const endpointPort = z.object({
  name: z.string().min(1),
  protocol,
  port: z.int().min(1).max(65535),
});

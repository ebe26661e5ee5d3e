/**
 * Kubernetes' own Node, which becomes a {@link Node}: what Calico knows of a node is in its annotations.
 */
import { z } from 'zod';
import { didYouMean } from '../did-you-mean.ts';
import {
  asNumber,
  cidr,
  emptyAsUnset,
  ipv4Address,
  ipv4InterfaceAddress,
  ipv6Address,
  ipv6InterfaceAddress,
} from '../fields.ts';
import { CALICO_API_VERSION, defineKind } from '../kind-definition.ts';
import type { Review } from '../kind-definition.ts';
import { parseJsonObject, textMapOf } from '../metadata.ts';
import type { Metadata } from '../resource.ts';
import { NODE, nodeInterfaces } from './node.ts';

const jsonText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' });
    return z.NEVER;
  }
});

const annotations = z.object({
  'projectcalico.org/IPv4Address': emptyAsUnset(ipv4InterfaceAddress),
  'projectcalico.org/IPv6Address': emptyAsUnset(ipv6InterfaceAddress),
  'projectcalico.org/ASNumber': emptyAsUnset(asNumber),
  'projectcalico.org/RouteReflectorClusterID': emptyAsUnset(ipv4Address),
  'projectcalico.org/IPv4IPIPTunnelAddr': emptyAsUnset(ipv4Address),
  'projectcalico.org/IPv4VXLANTunnelAddr': emptyAsUnset(ipv4Address),
  'projectcalico.org/IPv6VXLANTunnelAddr': emptyAsUnset(ipv6Address),
  'projectcalico.org/VXLANTunnelMACAddr': emptyAsUnset(z.string()),
  'projectcalico.org/VXLANTunnelMACAddrV6': emptyAsUnset(z.string()),
  'projectcalico.org/IPv4WireguardInterfaceAddr': emptyAsUnset(ipv4Address),
  'projectcalico.org/IPv6WireguardInterfaceAddr': emptyAsUnset(ipv6Address),
  'projectcalico.org/WireguardPublicKey': emptyAsUnset(z.string()),
  'projectcalico.org/WireguardPublicKeyV6': emptyAsUnset(z.string()),
  /** JSON of the same form as `interfaces` of Calico's Node. */
  'projectcalico.org/Interfaces': emptyAsUnset(jsonText.pipe(nodeInterfaces)),
});

const manifest = z.object({
  metadata: z.object({ annotations: annotations.prefault({}) }),
  spec: z.object({
    podCIDR: cidr.optional(),
    podCIDRs: z.array(cidr).optional(),
    unschedulable: z.boolean().optional(),
    taints: z.array(z.object({ key: z.string(), effect: z.string().optional() })).optional(),
  }),
  status: z
    .object({
      addresses: z.array(z.object({ address: z.string(), type: z.string().optional() })).default([]),
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), message: z.string().optional() }))
        .default([]),
    })
    .prefault({}),
});

/** What kubelet says of why a node is not ready while the machine goes down (kubelet's nodeshutdown manager). */
const SHUTTING_DOWN = 'node is shutting down';

type Conditions = z.output<typeof manifest>['status']['conditions'];

/** Those that matter here; what is not so is left out, as most nodes report nothing of the kind. */
function stateOf(conditions: Conditions) {
  const has = (type: string, status: string, words = ''): boolean =>
    conditions.some(
      (condition) =>
        condition.type === type && condition.status === status && (condition.message ?? '').includes(words),
    );
  return {
    ...(has('NetworkUnavailable', 'True') && { networkUnavailable: true }),
    ...(has('Ready', 'False', SHUTTING_DOWN) && { shuttingDown: true }),
  };
}

/** The same node as Calico's Node says it. */
function asCalicoNode({ metadata, spec, status }: z.output<typeof manifest>): z.input<typeof NODE.schema> {
  const of = metadata.annotations;
  return {
    spec: {
      bgp: {
        asNumber: of['projectcalico.org/ASNumber'],
        ipv4Address: of['projectcalico.org/IPv4Address'],
        ipv6Address: of['projectcalico.org/IPv6Address'],
        ipv4IPIPTunnelAddr: of['projectcalico.org/IPv4IPIPTunnelAddr'],
        routeReflectorClusterID: of['projectcalico.org/RouteReflectorClusterID'],
      },
      ipv4VXLANTunnelAddr: of['projectcalico.org/IPv4VXLANTunnelAddr'],
      ipv6VXLANTunnelAddr: of['projectcalico.org/IPv6VXLANTunnelAddr'],
      vxlanTunnelMACAddr: of['projectcalico.org/VXLANTunnelMACAddr'],
      vxlanTunnelMACAddrV6: of['projectcalico.org/VXLANTunnelMACAddrV6'],
      wireguard: {
        interfaceIPv4Address: of['projectcalico.org/IPv4WireguardInterfaceAddr'],
        interfaceIPv6Address: of['projectcalico.org/IPv6WireguardInterfaceAddr'],
      },
      addresses: status.addresses,
      interfaces: of['projectcalico.org/Interfaces'],
      ...(spec.unschedulable === true && { unschedulable: true }),
      ...(spec.taints !== undefined && spec.taints.length > 0 && { taints: spec.taints }),
    },
    status: {
      podCIDRs: spec.podCIDRs ?? (spec.podCIDR === undefined ? [] : [spec.podCIDR]),
      wireguardPublicKey: of['projectcalico.org/WireguardPublicKey'],
      wireguardPublicKeyV6: of['projectcalico.org/WireguardPublicKeyV6'],
      ...stateOf(status.conditions),
    },
  };
}

/** Labels and annotations that Calico adds to those of Kubernetes, as JSON. */
const EXTRA_LABELS = 'projectcalico.org/labels';
const EXTRA_ANNOTATIONS = 'projectcalico.org/annotations';

function withExtraMetadata(metadata: Metadata): Metadata {
  const { [EXTRA_LABELS]: labels, [EXTRA_ANNOTATIONS]: extra, ...rest } = metadata.annotations;
  return {
    ...metadata,
    labels: { ...metadata.labels, ...textMapOf(parseJsonObject(labels)) },
    annotations: { ...rest, ...textMapOf(parseJsonObject(extra)) },
  };
}

const KNOWN = Object.keys(annotations.shape);

/** A misspelt annotation is the usual reason for a node without address. */
function review({ metadata }: { metadata: Metadata }): Review {
  const warnings = Object.keys(metadata.annotations).flatMap((name) => {
    // Most annotations are somebody else's, and nodes report themselves often: they are not compared.
    const hint = Object.hasOwn(annotations.shape, name) || !/calico/i.test(name) ? '' : didYouMean(name, KNOWN);
    const path = ['metadata', 'annotations', name];
    return hint === '' ? [] : [{ path, message: `is not known${hint}; ignored`, severity: 'warning' as const }];
  });
  return { warnings };
}

export const KUBERNETES_NODE = defineKind({
  kind: 'Node',
  apiVersions: ['v1'],
  readAs: CALICO_API_VERSION,
  schema: manifest.transform(asCalicoNode).pipe(NODE.schema),
  reportUnknownFields: false,
  metadata: withExtraMetadata,
  review,
});

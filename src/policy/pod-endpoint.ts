/** Pods as endpoints, without what Calico would write about them. */
import { createHash } from 'node:crypto';
import { formatPrefix, tryParsePrefix } from '../net/prefix.ts';
import { canonicalAddress } from '../net/address.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import { namespaceProfileName, serviceAccountProfileName } from './compile-profile.ts';
import type { Endpoint } from './endpoint.ts';
import type { EndpointContext } from './endpoint-of.ts';
import { ownLabels } from './labels.ts';
import { protocolNumber } from '../net/protocols.ts';

type Pod = ResourceOf<'Pod'>;

/**
 * A Pod of this node is one as soon as it is scheduled, so that its interface is known when it comes; others only have to be known
 * when they have addresses.
 */
export function podEndpoint(pod: Pod, { node, interfacePrefix }: EndpointContext): Endpoint | undefined {
  const { metadata, spec } = pod;
  if (spec.nodeName === undefined || spec.hostNetwork || isFinished(pod)) return undefined;
  const isLocal = spec.nodeName === node;
  const addresses = addressesOf(pod);
  if (addresses.length === 0 && !isLocal) return undefined;
  const { name, namespace = '' } = metadata;
  const { serviceAccountName: account } = spec;
  const profiles = [namespaceProfileName(namespace)];
  if (account !== undefined && account !== '') profiles.push(serviceAccountProfileName(namespace, account));
  return {
    key: `Pod ${namespace}/${name}`,
    kind: 'workload',
    name: `${namespace}/${name}`,
    namespace,
    node: spec.nodeName,
    labels: ownLabels(metadata.labels, { namespace, orchestrator: 'k8s', serviceAccount: account }),
    profiles,
    addresses,
    ports: spec.ports.map((port) => ({ ...port, protocol: protocolNumber(port.protocol) })),
    ...(isLocal
      ? { local: { interfaceName: interfaceOf(namespace, name, interfacePrefix), up: true, spoofable: spoofable(pod) } }
      : {}),
  };
}

const SOURCE_PREFIXES = 'cni.projectcalico.org/allowedSourcePrefixes';

/** Whoever writes a Pod writes this, so it counts only where the settings of the node let it. */
function spoofable({ metadata }: Pod): readonly string[] {
  const texts = (metadata.annotations[SOURCE_PREFIXES] ?? '').split(/[[\]",\s]+/);
  const prefixes = texts.filter((text) => text.includes('/')).map(tryParsePrefix);
  return prefixes.filter((prefix) => prefix !== undefined).map(formatPrefix);
}

/** The host's end of a Pod's link, as Calico's network plug-in names it. */
export function interfaceOf(namespace: string, pod: string, prefix: string): string {
  const hash = createHash('sha1').update(`${namespace}.${pod}`).digest('hex');
  return prefix.split(',', 1)[0] + hash.slice(0, 11);
}

/** Set by the network plug-in: the address that a Pod has, and an empty text as soon as it has none any more. */
const POD_IP = 'cni.projectcalico.org/podIP';

/** Where addresses stand that the status does not have yet, the most telling first. */
const ADDRESS_ANNOTATIONS = ['cni.projectcalico.org/podIPs', POD_IP, 'vpc.amazonaws.com/pod-ips'] as const;

/** A Pod that is about to end keeps its network until its network plug-in has taken it away. */
function isFinished({ spec, status, metadata }: Pod): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return true;
  return spec.terminating && metadata.annotations[POD_IP] === '';
}

function addressesOf({ status, metadata }: Pod): readonly string[] {
  const known = status?.podIPs ?? [];
  if (known.length > 0) return known.map(({ ip }) => ip);
  for (const annotation of ADDRESS_ANNOTATIONS) {
    const text = metadata.annotations[annotation];
    if (text !== undefined && text !== '') return text.split(',').flatMap(readAddress);
  }
  return [];
}

/** What is no address is none of the Pod's; its network plug-in writes them with a length, too. */
function readAddress(text: string): readonly string[] {
  const trimmed = text.trim();
  return tryParsePrefix(trimmed) === undefined ? [] : [canonicalAddress(trimmed.split('/', 1)[0])];
}

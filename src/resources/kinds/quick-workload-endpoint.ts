/** Reads a WorkloadEndpoint in the form in which network plug-ins write it, as its schema would. */
import { CALICO_API_VERSION } from '../kind-definition.ts';
import { net } from '../policy-rule.ts';
import { isJsonObject } from '../resource.ts';
import type { JsonObject } from '../resource.ts';
import {
  isEmptyList,
  isOptionalText,
  isPlainIpv4,
  isPort,
  isTexts,
  isWhole,
  quickList,
  quickMetadata,
} from './quick-fields.ts';

const TEXTS = ['orchestrator', 'workload', 'pod', 'endpoint', 'serviceAccountName', 'mac'] as const;

/** Undefined where the schema has to look at it. */
export function quickWorkloadEndpoint({ apiVersion, metadata: written, spec, status }: JsonObject) {
  const metadata = quickMetadata(written);
  if (apiVersion !== CALICO_API_VERSION || metadata === undefined || !isJsonObject(spec)) return undefined;
  if (status !== undefined) return undefined;
  const { node, interfaceName, ipNetworks = [], profiles = [], ports = [] } = spec;
  if (typeof node !== 'string' || node === '' || typeof interfaceName !== 'string') return undefined;
  if (interfaceName === '' || interfaceName.length > 15) return undefined;
  const { ipv4Gateway, ipv6Gateway } = spec;
  if (ipv6Gateway !== undefined || !isOptionalText(ipv4Gateway)) return undefined;
  if (ipv4Gateway !== undefined && !isPlainIpv4(ipv4Gateway)) return undefined;
  if (!isEmptyList(spec['ipNATs']) || !isEmptyList(spec['allowSpoofedSourcePrefixes'])) return undefined;
  const networks = addresses(ipNetworks);
  const named = quickList(ports, port);
  if (networks === undefined || named === undefined || !isTexts(profiles)) return undefined;
  const read: Record<string, unknown> = {
    node,
    interfaceName,
    ipNetworks: networks,
    ipNATs: NONE,
    profiles,
    ports: named,
    allowSpoofedSourcePrefixes: NONE,
  };
  for (const field of TEXTS) {
    const text = spec[field];
    if (!isOptionalText(text)) return undefined;
    if (text !== undefined) read[field] = text;
  }
  if (ipv4Gateway !== undefined) read['ipv4Gateway'] = ipv4Gateway;
  return { metadata, spec: read };
}

const NONE: readonly never[] = [];

/** Canonical prefixes of one address each. */
function addresses(written: unknown): readonly string[] | undefined {
  if (!isTexts(written)) return undefined;
  const list = written.map(addressOf);
  return isWhole(list) ? list : undefined;
}

function addressOf(text: string): string | undefined {
  if (text.endsWith('/32') && isPlainIpv4(text.slice(0, -3))) return text;
  const canonical = net.safeParse(text).data;
  return canonical !== undefined && /\/(?:32|128)$/.test(canonical) ? canonical : undefined;
}

function port({ name, protocol, port: number }: JsonObject) {
  if (protocol !== 'TCP' && protocol !== 'UDP' && protocol !== 'SCTP') return undefined;
  if (!isPort(number) || !isOptionalText(name) || name === '') return undefined;
  return name === undefined ? { protocol, port: number } : { name, protocol, port: number };
}

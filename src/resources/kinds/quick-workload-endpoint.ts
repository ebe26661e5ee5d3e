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

/** Undefined where the schema has to look at it. */
export function quickWorkloadEndpoint({ apiVersion, metadata: written, spec, status }: JsonObject) {
  const metadata = quickMetadata(written);
  if (apiVersion !== CALICO_API_VERSION || metadata === undefined || !isJsonObject(spec)) return undefined;
  if (status !== undefined) return undefined;
  const {
    node,
    interfaceName,
    orchestrator,
    pod,
    serviceAccountName,
    ipNetworks = [],
    profiles = [],
    ports = [],
  } = spec;
  if (typeof node !== 'string' || node === '' || typeof interfaceName !== 'string') return undefined;
  if (interfaceName === '' || interfaceName.length > 15) return undefined;
  if (!isOptionalText(orchestrator) || !isOptionalText(pod) || !isOptionalText(serviceAccountName)) return undefined;
  if (!isEmptyList(spec['allowSpoofedSourcePrefixes'])) return undefined;
  const networks = addresses(ipNetworks);
  const named = quickList(ports, port);
  if (networks === undefined || named === undefined || !isTexts(profiles)) return undefined;
  const common = { node, ipNetworks: networks, profiles, interfaceName, ports: named };
  if (pod === undefined || orchestrator === undefined || serviceAccountName === undefined) {
    const texts = Object.entries({ orchestrator, pod, serviceAccountName }).filter(([, text]) => text !== undefined);
    return { metadata, spec: { ...common, allowSpoofedSourcePrefixes: NONE, ...Object.fromEntries(texts) } };
  }
  // A Pod's: written out, it takes the least memory.
  return {
    metadata,
    spec: {
      orchestrator,
      node,
      pod,
      serviceAccountName,
      ipNetworks: networks,
      profiles,
      interfaceName,
      ports: named,
      allowSpoofedSourcePrefixes: NONE,
    },
  };
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

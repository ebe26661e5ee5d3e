/** Reads a Pod in the form in which the API server has it, as its schema would. */
import { ipAddress } from '../fields.ts';
import { isJsonObject } from '../resource.ts';
import type { JsonObject } from '../resource.ts';
import { isOptionalText, isPlainIpv4, isPort, quickList, quickMetadata } from './quick-fields.ts';

/** Undefined where the schema has to look at it. The metadata is as it is written. */
export function quickPod({ metadata: written, spec, status }: JsonObject) {
  const metadata = quickMetadata(written);
  if (metadata === undefined || !isJsonObject(written) || !isJsonObject(spec) || !isJsonObject(status))
    return undefined;
  const { deletionTimestamp } = written;
  const { nodeName, serviceAccountName, hostNetwork = false, containers = [], initContainers = [] } = spec;
  // Of a resource that is read again.
  if (spec['ports'] !== undefined || spec['terminating'] !== undefined) return undefined;
  if (!isOptionalText(nodeName) || !isOptionalText(serviceAccountName) || !isOptionalText(deletionTimestamp)) {
    return undefined;
  }
  const ports: NamedPort[] = [];
  if (typeof hostNetwork !== 'boolean' || !addPorts(ports, containers) || !addPorts(ports, initContainers)) {
    return undefined;
  }
  const of = statusOf(status);
  if (of === undefined) return undefined;
  const read: Record<string, unknown> = {
    hostNetwork,
    // A list that was pushed to has room for many more.
    ports: ports.length === 0 ? NONE : ports.slice(),
    terminating: deletionTimestamp !== undefined,
  };
  if (nodeName !== undefined) read['nodeName'] = nodeName;
  if (serviceAccountName !== undefined) read['serviceAccountName'] = serviceAccountName;
  return { metadata, spec: read, status: of };
}

const NONE: readonly never[] = [];

interface NamedPort {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly port: number;
}

/** Adds the ports that have names; false where the schema has to look at the containers. */
function addPorts(ports: NamedPort[], containers: unknown): boolean {
  const lists = quickList(containers, ({ ports: written = [] }) => quickList(written, portOf));
  for (const list of lists ?? []) for (const port of list) if (port !== UNNAMED) ports.push(port);
  return lists !== undefined;
}

const UNNAMED: NamedPort = { name: '', protocol: 'TCP', port: 0 };

function portOf({ name, protocol = 'TCP', containerPort }: JsonObject): NamedPort | undefined {
  if (!isOptionalText(name) || !isPort(containerPort)) return undefined;
  if (protocol !== 'TCP' && protocol !== 'UDP' && protocol !== 'SCTP') return undefined;
  return name === undefined ? UNNAMED : { name, protocol, port: containerPort };
}

function statusOf({ phase, podIP, podIPs: written }: JsonObject) {
  if (!isOptionalText(phase) || !isOptionalText(podIP)) return undefined;
  const first = podIP === undefined ? undefined : canonical({ ip: podIP });
  if (podIP !== undefined && first === undefined) return undefined;
  const own = first === undefined ? [] : [first];
  const podIPs = written === undefined ? own : quickList(written, canonical);
  if (podIPs === undefined) return undefined;
  return phase === undefined ? { podIPs } : { phase, podIPs };
}

function canonical({ ip }: JsonObject): { readonly ip: string } | undefined {
  if (typeof ip !== 'string') return undefined;
  if (isPlainIpv4(ip)) return { ip };
  const { data } = ipAddress.safeParse(ip);
  return data === undefined ? undefined : { ip: data };
}

/** Resources that policies are about, in short. */
import type { AnyResource } from '../../src/resources/kinds.ts';
import { parseResource } from '../../src/resources/parse-resource.ts';

/** A resource as it is read from a manifest. */
export function resource(manifest: object): AnyResource {
  const result = parseResource(manifest);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.resource;
}

type Labels = Readonly<Record<string, string>>;

interface PodOptions {
  readonly labels?: Labels;
  readonly node?: string;
  readonly ips?: readonly string[];
  readonly account?: string;
  readonly ports?: readonly object[];
  readonly spec?: object;
  readonly metadata?: object;
  readonly status?: object;
}

/** A Pod by `namespace/name`, on node `n1` where nothing else is said. */
export function pod(path: string, options: PodOptions = {}): AnyResource {
  const [namespace, name] = path.split('/');
  const { labels = {}, node = 'n1', ips = [], account, ports = [], spec = {}, metadata = {}, status = {} } = options;
  return resource({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels, ...metadata },
    spec: {
      nodeName: node,
      ...(account === undefined ? {} : { serviceAccountName: account }),
      containers: [{ name: 'a', ports }],
      ...spec,
    },
    status: { podIPs: ips.map((ip) => ({ ip })), ...status },
  });
}

export function namespace(name: string, labels: Labels = {}): AnyResource {
  return resource({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}

export function serviceAccount(path: string, labels: Labels = {}): AnyResource {
  const [space, name] = path.split('/');
  return resource({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: space, labels } });
}

/** A resource of Calico's: `namespace/name`, or `name` where it is in none. */
export function calico(kind: string, path: string, spec: object, labels: Labels = {}): AnyResource {
  const [first, second] = path.split('/');
  const metadata = second === undefined ? { name: first } : { namespace: first, name: second };
  return resource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { ...metadata, labels }, spec });
}

/** A GlobalNetworkPolicy that lets in what a selector picks. */
export function letIn(name: string, to: string, from: string, more: object = {}): AnyResource {
  return calico('GlobalNetworkPolicy', name, {
    selector: to,
    types: ['Ingress'],
    ingress: [{ action: 'Allow', source: { selector: from } }],
    ...more,
  });
}

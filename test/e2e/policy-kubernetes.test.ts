/** Policies, Pods, Namespaces and ServiceAccounts in a real API server of Kubernetes, which has only some of Calico's kinds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { findKubeApiServer, startKubeApi } from '../support/kube-api.ts';
import type { KubeApi, Manifest } from '../support/kube-api.ts';
import { relayPort } from '../support/namespace-relay.ts';
import type { Probe } from '../support/policy-prober.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { TestAgent } from './policy-agent.ts';
import { POLICY_NEEDS, PolicyNetwork, pod } from './policy-network.ts';
import { calico, namespaceManifest, networkPolicy, podManifest } from './policy-resources.ts';

const { path: program, missing: notBuilt } = findKubeApiServer();
const missing = notBuilt ?? missingHere({ ...POLICY_NEEDS, programs: [...POLICY_NEEDS.programs, 'etcd', 'openssl'] });

/** Has just the rights that are shipped. */
const AGENT = { token: 'agent-token', user: 'system:serviceaccount:kube-system:starling-policy' };
const RBAC = join(import.meta.dirname, '../../deploy/rbac.yaml');

const A = pod('x/a', 2);
const B = pod('x/b', 3);
const C = pod('y/c', 4);
const LATE = pod('y/late', 5);

const serviceAccount = (name: string, labels: object): Manifest => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: 'y', labels },
});

let kube: KubeApi;
let network: PolicyNetwork;
let agent: TestAgent;
let relay: AsyncDisposable | undefined;

/** The status of a Pod is written separately. */
async function putPod(manifest: Manifest): Promise<void> {
  await kube.apply(manifest);
  await patch(manifest, { status: manifest['status'] }, '/status');
}

const podPath = ({ metadata: { name, namespace } }: Manifest) => `/api/v1/namespaces/${namespace}/pods/${name}`;

async function patch(manifest: Manifest, change: object, subresource = ''): Promise<void> {
  const path = `${podPath(manifest)}${subresource}`;
  const { status, body } = await kube.request('PATCH', path, change, 'application/merge-patch+json');
  if (status >= 300) throw new Error(`${path}: ${JSON.stringify(body)}`);
}

beforeAll(async () => {
  if (missing !== undefined) return;
  network = new PolicyNetwork([A, B, C, LATE]);
  kube = await startKubeApi(program ?? '', [AGENT]);
  // Calico's other kinds are not there.
  await Promise.all([
    kube.define('discovery.k8s.io', 'v1', { kind: 'EndpointSlice', plural: 'endpointslices' }),
    kube.define('projectcalico.org', 'v3', { kind: 'NetworkPolicy', plural: 'networkpolicies', namespaced: true }),
    kube.define('projectcalico.org', 'v3', { kind: 'GlobalNetworkPolicy', plural: 'globalnetworkpolicies' }),
  ]);
  await Promise.all([kube.apply(namespaceManifest('x')), kube.apply(namespaceManifest('y'))]);
  await kube.apply(serviceAccount('web', { role: 'front' }));
  await Promise.all([A, B].map((one) => putPod(podManifest(one))));
  await putPod(podManifest(C, { spec: { serviceAccountName: 'web' } }));
  relay = await relayPort(Number(new URL(kube.server).port), network.node);
  for (const document of parseAllDocuments(readFileSync(RBAC, 'utf8'))) await kube.apply(document.toJS() as Manifest);
  const kubeconfig = kube.kubeconfig('agent.yaml', { token: AGENT.token });
  agent = new TestAgent(network.node, { datastore: { type: 'kubernetes', kubernetes: { kubeconfig }, cache: '' } });
  await agent.start();
});

afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await relay?.[Symbol.asyncDispose]();
  await kube?.[Symbol.asyncDispose]();
  network?.[Symbol.dispose]();
});

beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
});

function tried(from: string, to: string, passes: boolean, port = 80): Probe[] {
  return (['tcp', 'udp'] as const).flatMap((protocol) =>
    ([4, 6] as const).map((version) => ({ from, to, protocol, port, version, passes })),
  );
}

const wrongAtLast = (...probes: readonly Probe[]) => network.prober.wrongAtLast(probes);

describe('with an API server', () => {
  it('pods are open until a policy is for them, and labels of pods and namespaces count', async () => {
    expect(await network.prober.wrong([...tried(A.name, C.name, true), ...tried(LATE.name, A.name, false)])).toEqual(
      [],
    );
    await kube.apply(
      networkPolicy('x/to-a', {
        podSelector: { matchLabels: { pod: 'a' } },
        ingress: [
          { from: [{ podSelector: { matchLabels: { role: 'friend' } } }] },
          { from: [{ namespaceSelector: { matchLabels: { open: 'yes' } } }], ports: [{ port: 'serve-81-tcp' }] },
        ],
      }),
    );
    expect(await wrongAtLast(...tried(B.name, A.name, false), ...tried(C.name, A.name, false))).toEqual([]);
    await patch(podManifest(B), { metadata: { labels: { role: 'friend' } } });
    expect(await wrongAtLast(...tried(B.name, A.name, true), ...tried(C.name, A.name, false))).toEqual([]);
    await kube.apply(namespaceManifest('y', { ns: 'y', open: 'yes' }));
    expect(
      await wrongAtLast(
        { from: C.name, to: A.name, protocol: 'tcp', port: 81, passes: true },
        {
          from: C.name,
          to: A.name,
          protocol: 'udp',
          port: 81,
          passes: false,
        },
      ),
    ).toEqual([]);
  });

  it('a new pod is open at once, keeps that while it terminates, and is closed when it is gone', async () => {
    const late = podManifest(LATE);
    await putPod(late);
    expect(
      await wrongAtLast(...tried(LATE.name, C.name, true), {
        from: LATE.name,
        to: A.name,
        protocol: 'tcp',
        port: 81,
        passes: true,
      }),
    ).toEqual([]);
    await kube.delete(late);
    const { body } = await kube.request('GET', podPath(late));
    expect(body['metadata']).toHaveProperty('deletionTimestamp');
    expect(await network.prober.wrong(tried(LATE.name, C.name, true))).toEqual([]);
    const now = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 };
    expect(await kube.request('DELETE', podPath(late), now)).toMatchObject({ status: 200 });
    expect(await kube.request('GET', podPath(late))).toMatchObject({ status: 404 });
    expect(await wrongAtLast(...tried(LATE.name, C.name, false), ...tried(C.name, LATE.name, false))).toEqual([]);
  });

  it('policies of Calico count, and pick service accounts', async () => {
    const front = { source: { serviceAccounts: { selector: "role == 'front'" }, namespaceSelector: 'all()' } };
    await kube.apply(
      calico('NetworkPolicy', 'x/to-b', {
        selector: "pod == 'b'",
        types: ['Ingress'],
        ingress: [{ action: 'Allow', ...front }],
      }),
    );
    expect(await wrongAtLast(...tried(C.name, B.name, true), ...tried(A.name, B.name, false))).toEqual([]);
    await kube.apply(serviceAccount('web', { role: 'back' }));
    expect(await wrongAtLast(...tried(C.name, B.name, false))).toEqual([]);
    await kube.apply(
      calico('GlobalNetworkPolicy', 'first', {
        order: 1,
        selector: "pod == 'b'",
        types: ['Ingress'],
        ingress: [{ action: 'Allow', protocol: 'TCP' }],
      }),
    );
    expect(
      await wrongAtLast(
        { from: A.name, to: B.name, protocol: 'tcp', passes: true },
        { from: A.name, to: B.name, protocol: 'udp', passes: false },
      ),
    ).toEqual([]);
  });

  it('what cannot be read is said at the object', async () => {
    await kube.apply(calico('GlobalNetworkPolicy', 'unreadable', { selector: 'has(', types: ['Ingress'] }));
    const events = async () => JSON.stringify((await kube.request('GET', '/api/v1/events')).body);
    const accept = (text: string) => /"kind":"GlobalNetworkPolicy"[^}]*"name":"unreadable"/.test(text);
    expect(await waitFor(events, { what: 'an Event at the policy', accept })).toContain('spec.selector');
    expect(await wrongAtLast(...tried(A.name, C.name, false))).toEqual([]);
  });
});

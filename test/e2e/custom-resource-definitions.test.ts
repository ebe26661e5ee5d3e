/** The CustomResourceDefinitions of deploy/crds on a real API server: it takes what is valid, and refuses what is not. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { findKubeApiServer, startKubeApi } from '../support/kube-api.ts';
import type { KubeApi, Manifest } from '../support/kube-api.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/crds');
const V1 = 'crd.projectcalico.org/v1';
const V3 = 'projectcalico.org/v3';
const OWN = 'starling.dev/v1alpha1';

const { path: program, missing: notBuilt } = findKubeApiServer();
const missing = notBuilt ?? missingHere({ programs: ['etcd', 'etcdctl', 'openssl'] });

const password = { secretKeyRef: { name: 'bgp', key: 'password' } };
const affinity = { state: 'confirmed', node: 'a', type: 'host', cidr: '10.244.0.0/26' };
const rule = {
  cidr: '10.0.0.0/8',
  prefixLength: { min: 16, max: 24 },
  matchOperator: 'In',
  communities: { values: ['64512:100'] },
  asPathPrefix: [64513, '1.10'],
  action: 'Accept',
  operations: [{ addCommunity: { value: '64512:1:2' } }, { setPriority: { value: 512 } }],
};

const VALID: readonly [apiVersion: string, kind: string, spec: object][] = [
  ...[V1, V3].flatMap((version): [string, string, object][] => [
    [version, 'BGPConfiguration', { asNumber: '1.10', nodeMeshPassword: password, nodeMeshMaxRestartTime: '3m' }],
    [version, 'BGPPeer', { peerIP: '[2001:db8::1]:179', asNumber: 4294967295, keepaliveTime: '1m30s' }],
    [version, 'BGPFilter', { exportV4: [rule], importV6: [{ action: 'Reject' }] }],
    [version, 'IPPool', { cidr: '10.244.0.0/16', ipipMode: 'CrossSubnet', blockSize: 24 }],
    [version, 'ClusterInformation', { calicoVersion: 'v3.32.0', more: { than: 'is read' } }],
    [version, 'FelixConfiguration', { vxlanPort: 4789, bpfEnabled: true }],
    [version, 'CalicoNodeStatus', { node: 'a', classes: ['BGP'], updatePeriodSeconds: 10 }],
  ]),
  [V1, 'BlockAffinity', { ...affinity, deleted: 'true' }],
  [V3, 'BlockAffinity', { ...affinity, deleted: true }],
  [
    OWN,
    'PeerProfile',
    { holdTime: '9s', maxPrefixes: { limit: 4294967295 }, authentication: { nextPassword: password } },
  ],
  [OWN, 'ServiceAdvertisement', { addresses: ['ClusterIP'], scope: 'Zone', others: 'Backup', communities: ['1:2'] }],
];

const INVALID: readonly [apiVersion: string, kind: string, spec: object, field: string][] = [
  [V3, 'BGPPeer', { peerIP: '192.0.2.1', asNumber: 'x' }, 'spec.asNumber'],
  [V1, 'BGPPeer', { peerIP: '192.0.2.1', asNumber: 0 }, 'spec.asNumber'],
  [V3, 'BGPPeer', { peerIP: '192.0.2.1', asNumber: 1, password: 'hunter2' }, 'spec.password'],
  [V1, 'BGPFilter', { exportV4: [{ ...rule, cidr: '10.0.0.0/33' }] }, 'spec.exportV4.cidr'],
  [V3, 'IPPool', { vxlanMode: 'Never' }, 'spec.cidr'],
  [V1, 'BlockAffinity', { ...affinity, deleted: true }, 'spec.deleted'],
  [OWN, 'PeerProfile', { holdTime: 'soon' }, 'spec.holdTime'],
  [OWN, 'ServiceAdvertisement', { prepend: 11 }, 'spec.prepend'],
];

describe.skipIf(missing !== undefined)(`deploy/crds${missing === undefined ? '' : ` (${missing})`}`, () => {
  let kube: KubeApi;

  beforeAll(async () => {
    kube = await startKubeApi(program ?? '', []);
  });

  afterAll(() => kube?.[Symbol.asyncDispose]());

  it('is taken by the API server, whole and as structural schemas', async () => {
    const files = readdirSync(FOLDER).map((file) => readFileSync(join(FOLDER, file), 'utf8'));
    const definitions = files.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Manifest));
    for (const definition of definitions) await kube.apply(definition);
    for (const { metadata } of definitions) {
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`;
      const conditions = await waitFor(() => conditionsOf(kube, path), {
        what: metadata.name,
        accept: (found) => found.includes('Established True'),
      });
      expect([metadata.name, conditions.toSorted()]).toEqual([
        metadata.name,
        ['Established True', 'NamesAccepted True'],
      ]);
    }
    const served = () =>
      Promise.all([V1, V3, OWN].map(async (version) => (await kube.request('GET', `/apis/${version}`)).status));
    await waitFor(served, { what: 'the API groups', accept: (codes) => codes.every((code) => code === 200) });
  });

  it('takes and keeps valid objects', async () => {
    for (const [apiVersion, kind, spec] of VALID) {
      const manifest = { apiVersion, kind, metadata: { name: 'default' }, spec };
      await kube.apply(manifest);
      const path = `/apis/${apiVersion}/${PLURALS[kind] ?? `${kind.toLowerCase()}s`}/default`;
      expect([kind, (await kube.request('GET', path)).body['spec']]).toEqual([kind, spec]);
    }
  });

  it.each(INVALID)('refuses %s %s %j', async (apiVersion, kind, spec, field) => {
    const refused = kube.apply({ apiVersion, kind, metadata: { name: 'wrong' }, spec });
    await expect(refused).rejects.toThrow(`${field}:`);
  });
});

const PLURALS: Readonly<Record<string, string>> = {
  BlockAffinity: 'blockaffinities',
  CalicoNodeStatus: 'caliconodestatuses',
};

async function conditionsOf(kube: KubeApi, path: string): Promise<string[]> {
  const { body } = await kube.request('GET', path);
  const { conditions = [] } = (body['status'] ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.map(({ type, status }) => `${type} ${status}`);
}

import { expect, it } from 'vitest';
import { clusterView } from './cluster-view.ts';
import type { AnyResource } from './kinds.ts';
import { parseResource } from './parse-resource.ts';
import { referencedSecrets } from './referenced-secrets.ts';

const key = (name: string) => ({ secretKeyRef: { name, key: 'password' } });

function resource(kind: string, name: string, spec: object): AnyResource {
  const apiVersion = kind === 'PeerProfile' ? 'starling.dev/v1alpha1' : 'projectcalico.org/v3';
  const parsed = parseResource({ apiVersion, kind, metadata: { name }, spec });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}

it('names the Secrets of meshes, peers and profiles, each once', () => {
  const tor = resource('BGPPeer', 'tor', { peerIP: '192.0.2.1', asNumber: 1, password: key('tor') });
  const profile = resource('PeerProfile', 'a', { authentication: { nextPassword: key('next') } });
  const ao = resource('PeerProfile', 'b', { authentication: { ao: [{ keyID: 1, key: key('ao') }] } });
  const view = clusterView([
    tor,
    resource('BGPPeer', 'other', { peerIP: '192.0.2.2', asNumber: 1, password: key('tor') }),
    resource('BGPPeer', 'open', { peerIP: '192.0.2.3', asNumber: 1 }),
    resource('BGPConfiguration', 'default', { nodeMeshPassword: key('mesh') }),
    profile,
    ao,
  ]);
  expect(referencedSecrets(view)).toEqual(['ao', 'mesh', 'next', 'tor']);
  expect(referencedSecrets(tor)).toEqual(['tor']);
  expect(referencedSecrets(profile)).toEqual(['next']);
  expect(referencedSecrets(resource('IPPool', 'p', { cidr: '10.0.0.0/16' }))).toEqual([]);
});

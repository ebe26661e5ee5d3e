import { expect, it } from 'vitest';
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

it.each([
  ['BGPConfiguration', { nodeMeshPassword: key('mesh') }, ['mesh']],
  ['BGPPeer', { peerIP: '192.0.2.1', asNumber: 1, password: key('tor') }, ['tor']],
  ['BGPPeer', { peerIP: '192.0.2.1', asNumber: 1 }, []],
  ['PeerProfile', { authentication: { nextPassword: key('next') } }, ['next']],
  [
    'PeerProfile',
    { authentication: { ao: ['b', 'a', 'b'].map((name, keyID) => ({ keyID, key: key(name) })) } },
    ['a', 'b'],
  ],
  ['IPPool', { cidr: '10.0.0.0/16' }, []],
])('%s %j names the Secrets %j', (kind, spec, names) => {
  expect(referencedSecrets(resource(kind, 'default', spec))).toEqual(names);
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apiVersionOfKind, collectionPath, hostnameHash, secretResource, wantedResources } from './api-resources.ts';

describe('hostnameHash', () => {
  it('is the SHA3-256 of the name in base32 without padding', () => {
    // printf node-1 | openssl dgst -sha3-256 -binary | base32 | tr -d =
    expect(hostnameHash('node-1')).toBe('A3XPYDATRKB7Q4SM2O5FN4RXIHBFIL2PITFX26BAIP5XAB2X74CA');
  });

  it('is a valid value of a label, and the digest read in fives', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    fc.assert(
      fc.property(fc.string(), (name) => {
        const text = hostnameHash(name);
        expect(text).toMatch(/^[A-Z2-7]{52}$/);
        const bits = Array.from(text, (digit) => alphabet.indexOf(digit).toString(2).padStart(5, '0')).join('');
        const digest = createHash('sha3-256').update(name).digest('hex');
        expect(BigInt(`0b${bits}`) >> 4n).toBe(BigInt(`0x${digest}`));
      }),
      { numRuns: 20 },
    );
  });
});

describe('what is wanted for policies', () => {
  const of = { nodeName: 'a', usePodCidr: false, purpose: 'policy' } as const;

  it('can only be done without where nothing is closed by it', () => {
    const optional = wantedResources({ ...of, scope: 'all' }).filter((resource) => resource.optional);
    expect(optional.map(({ name }) => name)).toEqual(['BGPConfiguration', 'ClusterInformation']);
  });

  it('is only what etcd lacks beside that', () => {
    expect(wantedResources({ ...of, scope: 'companion' }).map(({ name }) => name)).toEqual(['EndpointSlice']);
  });

  it('leaves out Pods that have the addresses of their node', () => {
    const pods = wantedResources({ ...of, scope: 'all' }).find(({ kind }) => kind === 'Pod');
    expect(pods?.wanted?.({ spec: { hostNetwork: true } })).toBe(false);
    expect(pods?.wanted?.({ spec: {} })).toBe(true);
  });
});

describe('the paths', () => {
  it("are those of the group, with Calico's kinds in the one that the cluster has", () => {
    const paths = wantedResources({ nodeName: 'a', usePodCidr: true, purpose: 'routing', scope: 'all' }).map(
      (resource) => collectionPath(resource, 'crd.projectcalico.org/v1'),
    );
    expect(paths).toEqual(
      expect.arrayContaining([
        '/apis/crd.projectcalico.org/v1/bgppeers',
        '/apis/starling.dev/v1alpha1/peerprofiles',
        '/apis/discovery.k8s.io/v1/endpointslices',
        '/api/v1/nodes',
      ]),
    );
    expect(collectionPath(secretResource('kube-system', 'bgp'), 'projectcalico.org/v3')).toBe(
      '/api/v1/namespaces/kube-system/secrets',
    );
  });

  it('have an API version for each kind', () => {
    expect(apiVersionOfKind('BGPPeer', 'projectcalico.org/v3')).toBe('projectcalico.org/v3');
    expect(apiVersionOfKind('Service', 'projectcalico.org/v3')).toBe('v1');
    expect(apiVersionOfKind('KubernetesNetworkPolicy', 'projectcalico.org/v3')).toBe('networking.k8s.io/v1');
    expect(apiVersionOfKind('Secret', 'projectcalico.org/v3')).toBe('v1');
  });
});

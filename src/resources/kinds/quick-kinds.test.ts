import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindDefinition } from '../kinds.ts';
import { parseResource } from '../parse-resource.ts';
import type { ParseResult } from '../parse-resource.ts';
import { isJsonObject } from '../resource.ts';

/** What the schema says of a manifest: one with a null, which counts as no field, is not read the quick way. */
function bySchema(manifest: { readonly metadata: object }): ParseResult {
  return parseResource({ ...manifest, metadata: { ...manifest.metadata, labels: labelsOf(manifest) } });
}

function labelsOf({ metadata }: { readonly metadata: { readonly labels?: unknown } }): unknown {
  return isJsonObject(metadata.labels) ? { ...metadata.labels, gone: null } : { gone: null };
}

const text = fc.constantFrom('', 'a', 'eth0', 'cali0123456789a', 'a name', 'much-longer-than-an-interface');
const odd = fc.constantFrom<unknown>(null, 7, {}, [], true);
/** Mostly of its kind, now and then absent or something else. */
const mostly = (value: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 40, arbitrary: value },
    { weight: 2, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: odd },
  );
const rarely = (value: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: list(value) });
const list = (value: fc.Arbitrary<unknown>) => mostly(fc.array(mostly(value), { maxLength: 3 }));
const address = fc.constantFrom(
  '10.0.0.1',
  '10.255.0.99',
  'fd00::2',
  '10.1.2.3',
  '010.0.0.1',
  '10.0.0.256',
  'fd00::1',
  'FD00:0::1',
  '10.0.0.0/8',
  'x',
);
const port = fc.constantFrom<unknown>(80, 443, 8080, 9090, 1, 65535, 0, 65536, 1.5, 'http');
const protocol = fc.constantFrom<unknown>('TCP', 'UDP', 'SCTP', 'TCP', 'tcp', 'SCTP', 'UDP', 6, 'X');

const metadata = fc.record({
  name: fc.constantFrom('a', 'a/b', 'b.c-d'),
  namespace: mostly(fc.constantFrom('x', 'y')),
  labels: mostly(fc.dictionary(fc.constantFrom('app', 'tier', 'k'), mostly(text), { maxKeys: 3 })),
  annotations: mostly(
    fc.dictionary(
      fc.constantFrom('cni.projectcalico.org/podIP', 'kubectl.kubernetes.io/last-applied-configuration', 'other'),
      text,
      { maxKeys: 2 },
    ),
  ),
  deletionTimestamp: mostly(fc.constantFrom(undefined, '2026-01-01T00:00:00Z')),
});

const KINDS = {
  WorkloadEndpoint: fc.record({
    apiVersion: fc.constantFrom('projectcalico.org/v3', 'crd.projectcalico.org/v1'),
    kind: fc.constant('WorkloadEndpoint'),
    metadata,
    spec: fc.record(
      {
        node: mostly(fc.constantFrom('n', 'n1', '')),
        interfaceName: mostly(fc.constantFrom('eth0', 'cali0123456789a', 'cali0123456789ab')),
        ipNetworks: list(address.map((a) => `${a}/32`)),
        profiles: list(text),
        ports: list(fc.record({ name: mostly(text), protocol: mostly(protocol), port: mostly(port) })),
        pod: mostly(text),
        allowSpoofedSourcePrefixes: rarely(address),
        orchestrator: mostly(text),
        serviceAccountName: mostly(text),
        containerID: text,
      },
      { requiredKeys: ['node', 'interfaceName'] },
    ),
  }),
  Pod: fc.record({
    apiVersion: fc.constant('v1'),
    kind: fc.constant('Pod'),
    metadata,
    spec: mostly(
      fc.record(
        {
          nodeName: mostly(text),
          serviceAccountName: mostly(text),
          hostNetwork: mostly(fc.boolean()),
          containers: list(
            fc.record({
              ports: list(fc.record({ name: mostly(text), protocol: mostly(protocol), containerPort: port })),
            }),
          ),
          initContainers: list(fc.record({ image: text })),
        },
        { requiredKeys: [] },
      ),
    ),
    status: mostly(
      fc.record(
        { phase: mostly(text), podIP: mostly(address), podIPs: list(fc.record({ ip: address })) },
        { requiredKeys: [] },
      ),
    ),
  }),
};

describe.each(Object.entries(KINDS))('%s without its schema', (kind, manifests) => {
  it('is read as with it', () => {
    let quick = 0;
    fc.assert(
      fc.property(manifests, (manifest) => {
        const definition = kindDefinition(manifest.apiVersion, kind);
        if (definition?.quick?.(manifest) === undefined) return;
        quick += 1;
        const expected = bySchema(manifest);
        expect(parseResource(manifest)).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
    expect(quick).toBeGreaterThan(20);
  });
});

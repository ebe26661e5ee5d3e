import { expect, it } from 'vitest';
import { parseResource } from '../parse-resource.ts';

const manifest = (spec: object, status?: object) => ({
  apiVersion: 'crd.projectcalico.org/v1',
  kind: 'CalicoNodeStatus',
  metadata: { name: 'node-1' },
  spec,
  status,
});

it('reads what is asked for, and not the answer', () => {
  const spec = { node: 'node-1', classes: ['Agent', 'BGP', 'Routes'], updatePeriodSeconds: 30 };
  const parsed = parseResource(manifest(spec, { lastUpdated: '2026-01-01T00:00:00Z', agent: { birdV4: {} } }));
  expect(parsed).toMatchObject({ ok: true, problems: [], resource: { spec } });
  expect(parsed).not.toHaveProperty('resource.status');
});

it.each([
  [{ node: 'a', classes: ['Bgp'] }, 'must be Agent, BGP or Routes, not the text "Bgp" (did you mean "BGP"?)'],
  [{ node: 'a', updatePeriodSeconds: 86401 }, 'must be at most 86400, not 86401'],
])('refuses %j: %s', (spec, message) => {
  expect(parseResource(manifest(spec))).toMatchObject({ ok: false, problems: [{ message }] });
});

import { expect, it } from 'vitest';
import { parseResource } from '../parse-resource.ts';

function read(spec: object) {
  const parsed = parseResource({
    apiVersion: 'starling.dev/v1alpha1',
    kind: 'ServiceAdvertisement',
    metadata: { name: 'a' },
    spec,
  });
  const problems = parsed.problems.map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`);
  return { spec: parsed.ok ? parsed.resource.spec : undefined, problems };
}

it('ServiceAdvertisement is read with all its fields', () => {
  const spec = {
    serviceSelector: "app == 'web'",
    namespaceSelector: 'all()',
    addresses: ['LoadBalancerIP'],
    scope: 'Zone',
    topologyKey: 'example.com/rack',
    others: 'Backup',
    backup: { communities: ['64512:666'], localPreference: 10, med: 500, prepend: 4 },
    peerSelector: 'all()',
    communities: ['64512:100'],
    localPreference: 50,
    med: 10,
    prepend: 2,
    aggregationLength: 24,
    aggregationLengthV6: 64,
    weighted: true,
    withdrawDelay: '5s',
  };
  expect(read(spec)).toEqual({ spec, problems: [] });
  expect(read({})).toEqual({ spec: { serviceSelector: 'all()' }, problems: [] });
});

it.each([
  [
    { others: 'Withdraw', scope: 'Cluster' },
    'error spec.others: must not be set with scope Cluster, where there are no others',
  ],
  [{ aggregationLength: 0 }, 'error spec.aggregationLength: must be at least 1, not 0'],
  [{ aggregationLengthV6: 0 }, 'error spec.aggregationLengthV6: must be at least 1, not 0'],
  [{ backup: { prepend: 11 } }, 'error spec.backup.prepend: must be at most 10, not 11'],
  [{ scope: 'Node', backup: { med: 1 } }, 'warning spec.backup: has no effect without others Backup'],
  [{ scope: 'Node', topologyKey: 'rack' }, 'warning spec.topologyKey: has no effect with scope Node'],
])('ServiceAdvertisement: of %j it says %s', (spec, problem) => {
  expect(read(spec).problems).toEqual([problem]);
});

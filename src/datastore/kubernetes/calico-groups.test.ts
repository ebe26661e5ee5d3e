import { expect, it } from 'vitest';
import { calicoGroupAmong } from './calico-groups.ts';

it.each([
  [['crd.projectcalico.org', 'apps'], 'crd.projectcalico.org/v1'],
  [['projectcalico.org'], 'projectcalico.org/v3'],
  // The second is served by Calico's API server, from the first.
  [['projectcalico.org', 'crd.projectcalico.org'], 'crd.projectcalico.org/v1'],
  [['apps'], undefined],
])('among %j Calico is in %s', (groups, wanted) => {
  expect(calicoGroupAmong(new Set(groups))).toBe(wanted);
});

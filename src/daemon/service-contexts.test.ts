import { beforeEach, describe, expect, it } from 'vitest';
import { clusterView } from '../resources/cluster-view.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { ServiceContexts } from './service-contexts.ts';

/** Resources that pick peers by these selectors. */
function picking(...selectors: readonly string[]): ClusterView {
  const resources = selectors.map((peerSelector, i) => {
    const apiVersion = 'starling.dev/v1alpha1';
    const metadata = { name: `rule-${i}` };
    const parsed = parseResource({ apiVersion, kind: 'ServiceAdvertisement', metadata, spec: { peerSelector } });
    if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
    return parsed.resource;
  });
  return clusterView(resources);
}

const [A, B] = ["rack == 'a'", "rack == 'b'"];

describe('resources that services are advertised by', () => {
  let passed: ClusterView[];
  let contexts: ServiceContexts;

  beforeEach(() => {
    passed = [];
    contexts = new ServiceContexts((view) => passed.push(view));
  });

  it('count at once as long as nobody is told anything', () => {
    const view = picking(A);
    contexts.take(view, false);
    expect(passed).toEqual([view]);
    contexts.policiesKnow(view);
    expect(passed).toEqual([view]);
  });

  it('count at once where they pick peers as before, or by less', () => {
    contexts.take(picking(A, B), false);
    const others = [picking(B, A), picking(A), picking()];
    for (const view of others) contexts.take(view, true);
    expect(passed.slice(1)).toEqual(others);
  });

  it('wait for export policies where they pick peers by anything that is new to these', () => {
    contexts.take(picking(A), false);
    const [older, newer] = [picking(A, B), picking(B)];
    contexts.take(older, true);
    contexts.take(newer, true);
    contexts.policiesKnow(older);
    expect(passed).toHaveLength(1);
    contexts.policiesKnow(newer);
    expect(passed[1]).toBe(newer);
    // What was there once is new again.
    contexts.take(picking(A), true);
    expect(passed).toHaveLength(2);
  });

  it('do not count any more where others came meanwhile that had not to wait', () => {
    contexts.take(picking(A), false);
    const [late, now] = [picking(B), picking(A)];
    contexts.take(late, true);
    contexts.take(now, true);
    contexts.policiesKnow(late);
    expect(passed.slice(1)).toEqual([now]);
  });
});

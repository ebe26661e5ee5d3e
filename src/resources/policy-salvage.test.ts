import { describe, expect, it } from 'vitest';
import { V3, parsedDefault, problemsOf } from '../../test/support/parsed-kinds.ts';
import { parseResource } from './parse-resource.ts';
import { resourceOf } from '../../test/support/policy-resources.ts';

const specOf = (kind: string, spec: unknown, apiVersion = V3) =>
  resourceOf({ apiVersion, kind, metadata: { name: 'a', namespace: 'x' }, spec }).spec;

const LEFT_OUT = { action: 'Allow', leftOut: true };

/** The rules that count of one. */
const rulesOf = (rule: unknown) => specOf('NetworkPolicy', { ingress: [rule] });

describe('a rule that can not be read', () => {
  it.each([
    [{ action: 'Allow', odd: 1 }, LEFT_OUT],
    [{ action: 'Log', protocol: 'odd' }, LEFT_OUT],
    [
      { action: 'Pass', protocol: 'TCP', source: { nets: ['odd'] } },
      { action: 'Deny', protocol: 'TCP', source: {} },
    ],
    [
      { action: 'odd', protocol: 'TCP' },
      { action: 'Deny', protocol: 'TCP' },
    ],
    [5, { action: 'Deny' }],
    [
      { action: 'Deny', protocol: 'TPC', source: { ports: [80] } },
      { action: 'Deny', source: {} },
    ],
    [
      { action: 'Deny', source: { nets: ['10.0.0.0/8', 'odd'], notNets: ['10.1.0.0/16'] } },
      { action: 'Deny', source: { notNets: ['10.1.0.0/16'] } },
    ],
    [
      { action: 'Deny', protocol: 'TCP', source: { selector: 'odd', namespaceSelector: 'all()', ports: [80] } },
      { action: 'Deny', protocol: 'TCP', source: { ports: [80] } },
    ],
    [{ action: 'Deny', destination: 'odd' }, { action: 'Deny' }],
    [
      { action: 'Deny', protocol: 'ICMP', icmp: { code: 1 } },
      { action: 'Deny', protocol: 'ICMP' },
    ],
    [
      { action: 'Deny', protocol: 'TCP', destination: { ports: ['80-90'] } },
      { action: 'Deny', protocol: 'TCP', destination: {} },
    ],
    [{ action: 'Allow', protocol: 'TCP', destination: { ports: [-1] } }, LEFT_OUT],
    [{ action: 'Allow', source: { serviceAccounts: { names: [`a"'} || all() || b in {'`] } } }, LEFT_OUT],
    [{ action: 'Allow', source: { serviceAccounts: { names: ['a"b'] } } }, LEFT_OUT],
    [
      { action: 'Deny', source: { nets: ['::ffff:10.0.0.0/104'] } },
      { action: 'Deny', source: {} },
    ],
    [{ action: 'Allow', source: { nets: ['10.0.0.0/8'], notNets: ['::ffff:10.1.0.0/112'] } }, LEFT_OUT],
  ])('%j counts as %j', (rule, counts) => {
    expect(rulesOf(rule)).toMatchObject({ ingress: [counts] });
    expect(Object.keys(counts).sort()).toEqual(Object.keys((rulesOf(rule) as { ingress: object[] }).ingress[0]).sort());
  });

  it('leaves the others as they are', () => {
    const good = { action: 'Allow', protocol: 'TCP' };
    expect(specOf('NetworkPolicy', { ingress: [good, 5, good], egress: [good] })).toMatchObject({
      ingress: [good, { action: 'Deny' }, good],
      egress: [good],
    });
  });
});

describe('a policy of which it can not be read where it is asked', () => {
  const RULES = [{ action: 'Allow' }, { action: 'Deny', protocol: 'TCP' }, { action: 'Pass', protocol: 'UDP' }];
  const DENYING = [LEFT_OUT, { action: 'Deny', protocol: 'TCP' }, { action: 'Deny', protocol: 'UDP' }];

  it.each([
    [{ selector: 'odd' }, {}],
    [{ serviceAccountSelector: 5 }, {}],
    [{ order: 'odd' }, { order: -Number.MAX_VALUE }],
    [{ tier: 5 }, { tier: '(unreadable)' }],
    [{ selctor: "app == 'web'" }, {}],
  ])('%j only denies', (part, counts) => {
    const spec = specOf('NetworkPolicy', { ...part, ingress: RULES, types: ['Ingress'] });
    expect(spec).toEqual({ tier: 'default', ...counts, ingress: DENYING, egress: [], types: ['Ingress'] });
  });

  it('counts in full for the types that can be read', () => {
    const spec = specOf('NetworkPolicy', { types: ['Ingress', 'egress'], ingress: RULES, egress: RULES });
    expect(spec).toEqual({ tier: 'default', ingress: RULES, egress: DENYING });
  });

  it('is also for what the host forwards, where that is not clear', () => {
    const both = { doNotTrack: true, preDNAT: true, applyOnForward: true };
    const egress = { preDNAT: true, applyOnForward: true, egress: 'odd' };
    for (const part of [{ preDNAT: 'odd' }, both, { doNotTrack: true }, egress]) {
      expect(specOf('GlobalNetworkPolicy', { ...part, ingress: RULES })).toMatchObject({
        doNotTrack: false,
        preDNAT: false,
        applyOnForward: true,
        ingress: DENYING,
      });
    }
  });

  it('denies everything where nothing of it can be read', () => {
    const deny = [{ action: 'Deny' }];
    expect(specOf('NetworkPolicy', 5)).toEqual({ tier: '(unreadable)', ingress: deny, egress: deny });
    expect(specOf('NetworkPolicy', { ingress: 5 })).toMatchObject({ ingress: deny, egress: [] });
  });

  it('says what is wrong and what counts instead', () => {
    expect(problemsOf('NetworkPolicy', { selector: 'a =', ingress: [{ action: 'Allow', sourc: {} }] })).toEqual([
      'error spec.selector: selector: expected ==, !=, in, not in, contains, starts with or ends with at character 3 of "a ="',
      'error spec.ingress.0.sourc: is not a known field',
      'error spec.selector: counts as not given: the policy is for more than what was meant, so only its Deny rules count',
      'error spec.ingress.0: does not count: what it means can not be read entirely',
    ]);
  });

  it('is known by its name, whatever its labels are', () => {
    const manifest = { apiVersion: V3, kind: 'GlobalNetworkPolicy', metadata: { name: 'a', labels: { a: 5, b: 'c' } } };
    expect(resourceOf(manifest).metadata).toEqual({ name: 'a', labels: { b: 'c' }, annotations: {} });
  });
});

const HOST = { node: 'a', interfaceName: 'eth0' };

describe('other kinds that forbid something', () => {
  it('Profile: labels that can not be read leave only what denies', () => {
    const spec = { labelsToApply: { a: 'b', c: 5 }, ingress: [{ action: 'Allow' }, { action: 'Deny' }] };
    expect(specOf('Profile', spec)).toEqual({
      labelsToApply: { a: 'b' },
      ingress: [LEFT_OUT, { action: 'Deny' }],
      egress: [],
    });
    expect(specOf('Profile', 5)).toMatchObject({ ingress: [{ action: 'Deny' }], egress: [{ action: 'Deny' }] });
  });

  it('NetworkPolicy of Kubernetes: what can not be read allows nothing', () => {
    const read = (spec: unknown) => specOf('NetworkPolicy', spec, 'networking.k8s.io/v1');
    const ingress = [{ from: [{ podSelecter: {} }] }, { ports: [{ port: 80 }] }];
    expect(read({ podSelector: {}, ingress })).toMatchObject({
      ingress: [{ leftOut: true }, { ports: [{ port: 80 }] }],
    });
    const injected = [{ matchLabels: { a: `"'` } }, { matchExpressions: [{ key: 'a || b', operator: 'Exists' }] }];
    const odd = [...injected.map((podSelector) => ({ from: [{ podSelector }] })), { ports: [{ port: '80-90' }] }];
    expect(read({ podSelector: {}, ingress: odd })).toMatchObject({ ingress: odd.map(() => ({ leftOut: true })) });
    const all = { podSelector: {}, ingress: [{ leftOut: true }] };
    expect(read({ podSelector: { matchLabel: {} }, ingress: [{}] })).toEqual(all);
    expect(read({ podSelectr: { matchLabels: { app: 'web' } }, ingress: [{}] })).toEqual(all);
    expect(read({ podSelector: {}, policyTypes: ['Ingress', 'odd'], ingress: [{}], egress: [{}] })).toEqual({
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{}],
      egress: [{ leftOut: true }],
    });
    expect(read(5)).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  });

  it('HostEndpoint: closed at all interfaces where its own is not known', () => {
    const spec = {
      node: 'a',
      interfaceName: 5,
      expectedIPs: ['192.0.2.1', 'odd'],
      profiles: ['p'],
      ports: [{ port: 1 }],
    };
    expect(parsedDefault('HostEndpoint', spec)[0]).toEqual({
      node: 'a',
      interfaceName: '*',
      expectedIPs: ['192.0.2.1'],
      profiles: ['p'],
      ports: [],
    });
    expect(parsedDefault('HostEndpoint', { interfaceName: 'eth0' })[0]).toBeUndefined();
  });

  it('profiles of a HostEndpoint or workload that can not be read let nothing pass', () => {
    const [host] = parsedDefault('HostEndpoint', { ...HOST, profiles: [5, 'allow'] });
    expect(host).toMatchObject({ profiles: ['(unreadable)', 'allow'] });
    const metadata = { name: 'a', labels: { role: 5, zone: 'b' } };
    const labelled = { apiVersion: V3, kind: 'HostEndpoint', metadata, spec: { ...HOST, profiles: ['allow'] } };
    expect(resourceOf(labelled)).toMatchObject({ metadata: { labels: { zone: 'b' } }, spec: { profiles: [] } });
    const workload = { node: 'a', interfaceName: 'cali1', ipNetworks: ['10.0.0.1', '10.0.0.0/8'] };
    expect(parsedDefault('WorkloadEndpoint', { ...workload, profiles: 'p' })).toEqual([
      {
        node: 'a',
        interfaceName: 'cali1',
        ipNetworks: ['10.0.0.1/32'],
        profiles: ['p'],
        ports: [],
        allowSpoofedSourcePrefixes: [],
      },
      'error spec.ipNetworks.1: must be a single address',
      'error spec.profiles: must be a list, not the text "p"',
      'error spec.ipNetworks: counts without what can not be read',
      'error spec.profiles: counts as a profile that does not exist where it can not be read',
    ]);
    expect(parsedDefault('WorkloadEndpoint', { ...workload, node: 5 })[0]).toBeUndefined();
    const odd = { apiVersion: V3, kind: 'WorkloadEndpoint', metadata: { name: 'a', labels: { a: 5 } }, spec: workload };
    expect(parseResource(odd)).toMatchObject({ ok: false });
  });

  it('Tier: closed where it is not known when it is asked', () => {
    expect(specOf('Tier', { order: 5, defaultAction: 'pass' })).toEqual({ order: 5, defaultAction: 'Deny' });
    expect(specOf('Tier', { order: '5', defaultAction: 'Pass' })).toEqual({ defaultAction: 'Pass', closed: true });
    expect(specOf('Tier', 5)).toEqual({ defaultAction: 'Deny', closed: true });
    expect(problemsOf('Tier', { order: '5' })[1]).toMatch(/^error spec.order: is not known, so nothing may pass/);
  });

  it('network sets: what can be read', () => {
    expect(parsedDefault('GlobalNetworkSet', { nets: ['192.0.2.1', 'odd'] })[0]).toEqual({ nets: ['192.0.2.1/32'] });
  });
});

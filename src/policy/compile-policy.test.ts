import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calicoPolicy, kubernetesPolicy, resourceOf } from '../../test/support/policy-resources.ts';
import { formatPrefix } from '../net/prefix.ts';
import { parseSelector } from '../resources/selector.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { compilePolicy } from './compile-policy.ts';
import type { CompiledPolicy, PolicyResource } from './compile-policy.ts';

function compile(manifest: object): CompiledPolicy {
  return compilePolicy(resourceOf(manifest) as PolicyResource);
}

/** The one rule of a policy that allows what `rule` says. */
function ruleOf(rule: object, namespace?: string) {
  return compile(calicoPolicy('p', { ingress: [{ action: 'Allow', ...rule }] }, namespace)).policy.ingress?.[0];
}

describe('a policy', () => {
  it('is known by name, namespace and kind, with its place', () => {
    const spec = { tier: 'platform', order: 10, types: ['Egress'] };
    expect(compile(calicoPolicy('p', spec, 'x')).policy).toEqual({
      key: 'p/x/NetworkPolicy',
      kind: 'NetworkPolicy',
      namespace: 'x',
      name: 'p',
      tier: 'platform',
      order: 10,
      scope: 'normal',
      selector: 'projectcalico.org/namespace == "x"',
      ingress: undefined,
      egress: [],
    });
    expect(compile(calicoPolicy('p', {})).policy).toMatchObject({ key: 'p//GlobalNetworkPolicy', order: Infinity });
    expect(compile(kubernetesPolicy('p', 'x', { podSelector: {} })).policy).toMatchObject({
      key: 'p/x/KubernetesNetworkPolicy',
      tier: 'default',
      order: 1000,
    });
  });

  it.each([
    [{}, true, true],
    [{ types: [] }, true, true],
    [{ types: ['Ingress'] }, true, false],
    [{ types: ['Egress'], ingress: [{ action: 'Allow' }] }, false, true],
  ])('of %j governs ingress: %s, egress: %s', (spec, ingress, egress) => {
    const { policy } = compile(calicoPolicy('p', spec));
    expect([policy.ingress !== undefined, policy.egress !== undefined]).toEqual([ingress, egress]);
  });

  it.each([
    [{}, 'normal'],
    [{ applyOnForward: true }, 'forward'],
    [{ applyOnForward: true, preDNAT: true, types: ['Ingress'] }, 'preDNAT'],
    [{ applyOnForward: true, doNotTrack: true }, 'untracked'],
  ])('of %j is about %s', (spec, scope) => {
    expect(compile(calicoPolicy('p', spec)).policy.scope).toBe(scope);
  });

  it("of Kubernetes governs what its rules are about where it doesn't say", () => {
    const governs = (spec: object) => {
      const { policy } = compile(kubernetesPolicy('p', 'x', { podSelector: {}, ...spec }));
      return [policy.ingress, policy.egress].map((rules) => rules?.length);
    };
    expect(governs({})).toEqual([0, undefined]);
    expect(governs({ egress: [{}] })).toEqual([0, 1]);
    expect(governs({ policyTypes: ['Ingress'], egress: [{}] })).toEqual([0, undefined]);
  });

  it('says which rules match nothing', () => {
    const source = { nets: ['fd00::/8'] };
    const egress = [{ action: 'Allow' }, { action: 'Deny', source, destination: { nets: ['10.0.0.0/8'] } }];
    const { policy, problems } = compile(calicoPolicy('p', { egress }, 'x'));
    expect(policy.egress?.map(({ index }) => index)).toEqual([0]);
    expect(problems).toEqual([
      {
        kind: 'NetworkPolicy',
        namespace: 'x',
        name: 'p',
        path: ['spec', 'egress', 1],
        message: 'matches nothing: its nets and its protocol leave no packet of either IP version',
        severity: 'warning',
      },
    ]);
  });

  it('only denies in the tier of those whose own can not be read, whoever wrote that', () => {
    const rules = [{ action: 'Allow' }, { action: 'Deny' }, { action: 'Pass' }];
    const { policy } = compile(calicoPolicy('p', { tier: '(unreadable)', ingress: rules, egress: rules }));
    for (const counting of [policy.ingress, policy.egress]) expect(counting).toMatchObject([{ action: 'Deny' }]);
  });

  it('keeps the places of its rules', () => {
    const ingress = [
      { action: 'Allow', protocol: 'TCP', http: {} },
      { action: 'Allow', protocol: 'x' },
      { action: 'Deny' },
    ];
    expect(compile(calicoPolicy('p', { ingress })).policy.ingress).toMatchObject([{ index: 2, action: 'Deny' }]);
  });
});

describe('a rule', () => {
  it.each([
    [{}, [4, 6]],
    [{ ipVersion: 6 }, [6]],
    [{ source: { nets: ['10.0.0.0/8'] } }, [4]],
    [{ source: { nets: ['10.0.0.0/8', 'fd00::/8'] }, destination: { nets: ['fd00::/8'] } }, [6]],
    [{ source: { nets: [] } }, [4, 6]],
    [{ source: { notNets: ['10.0.0.0/8'] } }, [4]],
    [{ source: { notNets: ['0.0.0.0/0', 'fd00::/8'] } }, [6]],
    [{ protocol: 'ICMP' }, [4, 6]],
    [{ protocol: 'ICMP', icmp: { type: 8 } }, [4]],
    [{ protocol: 'ICMPv6', notICMP: { type: 128, code: 0 } }, [6]],
  ])('%j matches packets of %j', (rule, families) => {
    expect(ruleOf(rule)?.families).toEqual(families);
  });

  it('has only nets of its families', () => {
    const rule = ruleOf({ source: { nets: ['10.1.2.3/8', 'fd00::/8'] }, destination: { notNets: ['192.0.2.0/24'] } });
    expect(rule?.source.nets?.map(formatPrefix)).toEqual(['10.0.0.0/8']);
    expect(rule?.destination.notNets?.map(formatPrefix)).toEqual(['192.0.2.0/24']);
  });

  it('has ports by number, merged, and by name as sets of its protocol and its selector', () => {
    const destination = { selector: "app == 'db'", ports: [80, '81:90', 'http', 'dns'], notPorts: ['metrics'] };
    const rule = ruleOf({ protocol: 'TCP', destination }, 'x');
    const selector = '(projectcalico.org/namespace == "x" && app == "db")';
    expect(rule?.destination).toMatchObject({
      in: { kind: 'addresses', selector },
      ports: {
        ranges: [[80, 90]],
        sets: [
          { kind: 'ports', selector, port: 'dns', protocol: 6 },
          { kind: 'ports', selector, port: 'http', protocol: 6 },
        ],
      },
      notPorts: { ranges: [], sets: [{ kind: 'ports', selector, port: 'metrics', protocol: 6 }] },
    });
    const anywhere = ruleOf({ protocol: 'UDP', source: { ports: ['dns'] } }, 'x');
    expect(anywhere?.source).toMatchObject({ ports: { sets: [{ selector: 'all()', port: 'dns', protocol: 17 }] } });
  });

  it('means its own namespace where the selector of namespaces is blank', () => {
    const rule = ruleOf({ source: { selector: "app == 'db'", namespaceSelector: ' ' } }, 'x');
    expect(rule?.source.in).toMatchObject({ selector: '(projectcalico.org/namespace == "x" && app == "db")' });
  });

  it('names the same set wherever the same is meant', () => {
    const idOf = (selector: string) => ruleOf({ source: { selector } })?.source.in?.id;
    expect(idOf("a=='b'&&has(c)")).toBe(idOf('(a == "b") && has(c)'));
    expect(idOf("a == 'b'")).not.toBe(idOf("a == 'c'"));
    expect(idOf("a == 'b'")).toMatch(/^a[0-9a-f]{24}$/);
  });

  it('finds no known endpoint with notSelector alone, in a policy of no namespace', () => {
    expect(ruleOf({ source: { notSelector: 'has(app)' } })?.source).toMatchObject({ notIn: { selector: 'has(app)' } });
  });

  it('means endpoints of a Service: with their ports as destination, alone as source', () => {
    const services = { name: 'dns', namespace: 'kube-system' };
    const rule = ruleOf({ source: { services: { name: 'web' } }, destination: { services } }, 'x');
    expect(rule).toMatchObject({
      source: { in: { kind: 'service', namespace: 'x', name: 'web', withPorts: false } },
      destination: { ports: { ranges: [], sets: [{ namespace: 'kube-system', name: 'dns', withPorts: true }] } },
    });
  });

  it('takes all() and global() of namespaces for what is in namespaces and what is not, wherever they stand', () => {
    const picked = (namespaceSelector: string) => ruleOf({ source: { namespaceSelector } }, 'x')?.source.in;
    expect(picked('all()')).toMatchObject({ selector: 'has(projectcalico.org/namespace)' });
    expect(picked("global() || a == 'all()'")).toMatchObject({
      selector: '(!has(projectcalico.org/namespace) || pcns.a == "all()")',
    });
  });
});

const json = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'all()',
      "a == 'b'",
      '!'.repeat(95) + 'all()',
      'x'.repeat(512),
      '10.0.0.0/8',
      'TCP',
      'http',
      '80',
      'Egress',
    ),
  },
  fc.constantFrom(0, 4, 80, -1, 1e9, true, false, null),
  fc.array(fc.constantFrom('::/0', '10.0.0.0/33', 80, 'Ingress', '5:1', null), { maxLength: 3 }),
  fc.constant({}),
);
const end = fc.dictionary(
  fc.constantFrom(
    'nets',
    'notNets',
    'selector',
    'notSelector',
    'namespaceSelector',
    'ports',
    'notPorts',
    'services',
    'serviceAccounts',
    'odd',
  ),
  json,
  { maxKeys: 3 },
);
const rule = fc.record(
  {
    action: fc.constantFrom('Allow', 'Deny', 'Log', 'Pass', 'allow', 5),
    protocol: fc.constantFrom('TCP', 'ICMP', 'odd', 300),
    ipVersion: fc.constantFrom(4, 6, 5),
    icmp: fc.constantFrom({ type: 8 }, { code: 1 }, 'odd'),
    http: fc.constant({}),
    source: fc.oneof(end, json),
    destination: fc.oneof(end, json),
  },
  { requiredKeys: [] },
);
const rules = fc.oneof({ weight: 5, arbitrary: fc.array(fc.oneof(rule, json), { maxLength: 3 }) }, json);
const spec = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record(
      {
        tier: json,
        order: json,
        selector: json,
        namespaceSelector: json,
        serviceAccountSelector: json,
        types: json,
        doNotTrack: json,
        preDNAT: json,
        applyOnForward: json,
        ingress: rules,
        egress: rules,
      },
      { requiredKeys: [] },
    ),
  },
  json,
);

describe('whatever a manifest holds', () => {
  it('is a policy whose selectors can be read again', () => {
    fc.assert(
      fc.property(fc.constantFrom(undefined, 'x'), spec, (namespace, written) => {
        const resource = resourceOf(calicoPolicy('p', written as object, namespace));
        expect(parseResource(resource)).toMatchObject({ ok: true, resource });
        const { policy } = compilePolicy(resource as PolicyResource);
        const sets = [...(policy.ingress ?? []), ...(policy.egress ?? [])].flatMap(({ source, destination }) =>
          [source, destination].flatMap((of) => [
            of.in,
            of.notIn,
            ...(of.ports?.sets ?? []),
            ...(of.notPorts?.sets ?? []),
          ]),
        );
        const selectors = sets.flatMap((set) => (set === undefined || set.kind === 'service' ? [] : [set.selector]));
        for (const selector of [policy.selector, ...selectors])
          expect(parseSelector(selector).toString()).toBe(selector);
      }),
      { numRuns: 300 },
    );
  });
});

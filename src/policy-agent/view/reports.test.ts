import { beforeEach, describe, expect, it } from 'vitest';
import { calico, letIn, namespace, pod } from '../../../test/support/policy-manifests.ts';
import { endpointReport, policyReport } from '../../api/agent-types.ts';
import type { EndpointReport } from '../../api/agent-types.ts';
import type { EndpointQuery } from '../../api/agent-view.ts';
import { sourcedProblem } from '../../datastore/sourced-problem.ts';
import { PolicyEngine } from '../../policy/policy-engine.ts';
import { EndpointReports } from './endpoint-report.ts';
import { PolicyReports } from './policy-report.ts';

let engine: PolicyEngine;

beforeEach(() => {
  engine = new PolicyEngine({ node: 'n1' });
  engine.snapshot([
    namespace('x', { team: 'a' }),
    pod('x/web', {
      labels: { app: 'web' },
      ips: ['10.65.0.1'],
      account: 'w',
      ports: [{ name: 'http', containerPort: 8080 }],
    }),
    pod('x/db', { labels: { app: 'db' }, ips: ['10.65.0.2'] }),
    pod('x/a-far', { labels: { app: 'web' }, ips: ['10.65.9.1'], node: 'n2' }),
    calico('GlobalNetworkSet', 'nets', { nets: ['10.0.0.0/8'] }),
    calico('HostEndpoint', 'host', { node: 'n1', interfaceName: 'eth0' }),
    calico('Tier', 'early', { order: 1, defaultAction: 'Pass' }),
    letIn('late', 'all()', 'all()', { order: 5 }),
    letIn('early.first', "app == 'web'", 'all()', { tier: 'early' }),
    calico('NetworkPolicy', 'x/lost.p', { tier: 'lost', types: ['Egress'] }),
  ]);
  engine.take();
});

describe('policies', () => {
  it('come in the order in which they are asked, a part at a time', () => {
    const reports = new PolicyReports();
    const { items, next } = reports.slice(engine, [], 0, 10);
    for (const one of items) expect(policyReport.strict().parse(one)).toEqual(one);
    expect(next).toBeNull();
    const line = ({ tier, name, order, directions, endpoints, rules }: (typeof items)[number]) =>
      [tier.name, tier.exists, tier.order, name, order, directions.join(), rules, endpoints] as const;
    expect(items.map(line)).toEqual([
      ['early', true, 1, 'early.first', null, 'ingress', { ingress: 1, egress: 0 }, 1],
      ['default', true, 1_000_000, 'late', 5, 'ingress', { ingress: 1, egress: 0 }, 3],
      ['lost', false, null, 'lost.p', null, 'egress', { ingress: 0, egress: 0 }, 2],
    ]);
    expect(reports.slice(engine, [], 0, 2).next).toBe(2);
    expect(reports.slice(engine, [], 2, 2)).toEqual({ items: items.slice(2), next: null });
  });

  it('have what is wrong with them', () => {
    const message = 'is not enforced';
    const problem = (namespace: string | undefined) =>
      sourcedProblem(
        'f.yaml:1:1',
        { kind: 'NetworkPolicy', namespace, name: 'lost.p' },
        {
          path: ['spec', 'egress', 0, 'http'],
          message,
          severity: 'warning',
        },
      );
    const [, , lost] = new PolicyReports().slice(engine, [problem('x'), problem('y'), problem(undefined)], 0, 10).items;
    expect(lost.problems).toEqual([{ path: 'spec.egress[0].http', message, severity: 'warning' }]);
  });
});

describe('endpoints', () => {
  const list = (query: EndpointQuery, position = 0, limit = 10): readonly EndpointReport[] => {
    const { items } = new EndpointReports().slice({ node: 'n1', engine, interfaces: [] }, query, position, limit);
    for (const one of items) expect(endpointReport.strict().parse(one)).toEqual(one);
    return items;
  };
  const names = (query: EndpointQuery) => list(query).map(({ name }) => name);

  it('are those of the node first, and of others where that is wanted', () => {
    expect(names({ all: false })).toEqual(['host', 'x/db', 'x/web']);
    expect(names({ all: true })).toEqual(['host', 'x/db', 'x/web', 'x/a-far', 'nets']);
    expect(list({ all: true }, 3, 1).map(({ name }) => name)).toEqual(['x/a-far']);
    expect(list({ all: true }).map(({ rules }) => rules?.length)).toEqual([2, 2, 2, undefined, undefined]);
  });

  it('are seen once each in a listing, whatever comes and goes meanwhile', () => {
    const reports = new EndpointReports();
    const inputs = { node: 'n1', engine, interfaces: [] };
    const seen: string[] = [];
    for (let position: number | null = 0; position !== null;) {
      const { items, next } = reports.slice(inputs, { all: true }, position, 1);
      seen.push(...items.map(({ name }) => name));
      position = next;
      engine.change([{ type: 'upsert', resource: pod(`x/b${seen.length}`, { ips: ['10.65.0.8'] }) }]);
    }
    expect(seen).toEqual(['host', 'x/db', 'x/web', 'x/a-far', 'nets']);
    // From anywhere else it is as things are then.
    expect(reports.slice(inputs, { all: true }, 1, 1).items[0].name).toBe('x/b1');
  });

  it('are found by name, key, interface and address', () => {
    const [{ local }] = list({ name: 'x/web', all: false });
    for (const name of ['x/web', 'Pod x/web', local?.interface ?? '', '10.65.0.1']) {
      expect(names({ name, all: false })).toEqual(['x/web']);
    }
    expect(names({ name: 'eth0', all: false })).toEqual(['host']);
    expect(names({ name: '10.65.9.1', all: false })).toEqual([]);
    expect(names({ name: '10.65.9.1', all: true })).toEqual(['x/a-far', 'nets']);
    expect(names({ name: 'x/nobody', all: true })).toEqual([]);
  });

  it('have labels of their own and inherited ones, ports, profiles, and policies in order', () => {
    const [web] = list({ name: 'x/web', all: false });
    expect(web).toMatchObject({
      key: 'Pod x/web',
      node: 'n1',
      local: { up: true },
      addresses: ['10.65.0.1'],
      ports: [{ name: 'http', protocol: 'tcp', port: 8080 }],
      labels: { own: { app: 'web' }, inherited: { 'pcns.team': 'a' } },
      profiles: [
        { name: 'kns.x', exists: true },
        { name: 'ksa.x.w', exists: false },
      ],
    });
    expect(web.labels.inherited).not.toHaveProperty('app');
    expect(web.rules).toMatchObject([
      {
        layer: 'workload',
        direction: 'ingress',
        tiers: [
          { name: 'early', defaultAction: 'Pass', policies: ['early.first'] },
          { name: 'default', defaultAction: 'Deny', policies: ['late'] },
        ],
        words: '2 policies are for it; what none of tier default allows or passes on is denied.',
      },
      { direction: 'egress', tiers: [{ name: 'lost', policies: ['x/lost.p'] }] },
    ]);
    const [host] = list({ name: 'host', all: false });
    expect(host.rules?.[1]).toMatchObject({
      layer: 'host',
      direction: 'egress',
      words: 'No policy and no profile is for it: nothing passes.',
    });
  });

  it('say why nothing of them is enforced', () => {
    engine.change([
      { type: 'upsert', resource: calico('HostEndpoint', 'second', { node: 'n1', interfaceName: 'eth0' }) },
    ]);
    engine.take();
    expect(list({ all: false }).map(({ name, local }) => [name, local?.problem])).toEqual([
      ['host', null],
      ['second', expect.stringContaining('interface eth0 belongs to HostEndpoint host')],
      ['x/db', null],
      ['x/web', null],
    ]);
  });

  it('are closed by a tier that can not be read', () => {
    engine.change([{ type: 'upsert', resource: calico('Tier', 'early', { order: 'odd' }) }]);
    expect(list({ name: 'x/web', all: false })[0].rules?.[0].words).toBe(
      'When tier early is asked can not be read: nothing passes.',
    );
  });

  it('go on from policies that only deny what their rules deny', () => {
    const early = { preDNAT: true, applyOnForward: true, selector: 'all()', types: ['Ingress'] };
    engine.change([{ type: 'upsert', resource: calico('GlobalNetworkPolicy', 'dnat', early) }]);
    expect(list({ name: 'host', all: false })[0].rules).toContainEqual({
      layer: 'preDNAT',
      direction: 'ingress',
      tiers: [{ name: 'default', defaultAction: 'Pass', policies: ['dnat'] }],
      profiles: [],
      words: '1 policy is for it; what none decides goes on.',
    });
  });

  it('of other nodes have their policies where they are named', () => {
    const [far] = list({ name: 'x/a-far', all: true });
    expect(far).toMatchObject({ node: 'n2', local: null });
    expect(far.rules?.[0].tiers.flatMap(({ policies }) => policies)).toEqual(['early.first', 'late']);
  });
});

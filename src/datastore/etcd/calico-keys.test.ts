import { describe, expect, it } from 'vitest';
import { parseResource } from '../../resources/parse-resource.ts';
import { keyRanges } from './calico-keys.ts';

const AFFINITIES = '/calico/ipam/v2/host/node-1/';
const affinities = keyRanges('node-1', 'routing').find(({ name }) => name === AFFINITIES);
const read = (key: string, value: string) => affinities?.read(`${AFFINITIES}${key}`, Buffer.from(value));

describe('the ranges of keys', () => {
  it('end where something else begins', () => {
    const covers = (key: string) =>
      keyRanges('node-1', 'routing').filter(({ key: from, rangeEnd }) => {
        const at = Buffer.from(key);
        return rangeEnd === undefined ? at.equals(from) : at.compare(from) >= 0 && at.compare(rangeEnd) < 0;
      });
    expect(covers('/calico/resources/v3/projectcalico.org/nodes/n')).toHaveLength(1);
    expect(covers('/calico/resources/v3/starling.dev/peerprofiles/p')).toHaveLength(1);
    expect(covers(`${AFFINITIES}ipv4/block/10.0.0.0-26`)).toHaveLength(1);
    expect(covers('/calico/ipam/v2/host/node-10/ipv4/block/10.0.0.0-26')).toEqual([]);
    expect(covers('/calico/resources/v3/projectcalico.org/caliconodestatuses/node-1')).toHaveLength(1);
    expect(covers('/calico/resources/v3/projectcalico.org/caliconodestatuses/node-10')).toEqual([]);
  });
});

describe('the ranges of keys for policies', () => {
  const ranges = keyRanges('node-1', 'policy');

  it('are those of what is enforced, of all namespaces', () => {
    const names = ranges.map(({ name }) => name.replace('/calico/resources/v3/projectcalico.org/', ''));
    expect(names).toEqual(expect.arrayContaining(['networkpolicies/', 'workloadendpoints/', 'tiers/', 'profiles/']));
    expect(names).not.toContain('nodes/');
  });

  it.each([
    ['networkpolicies/x/p', '{', 'NetworkPolicy', 'x'],
    [
      'networkpolicies/x/p',
      '{"kind":"NetworkPolcy","metadata":{"name":"q","namespace":"y"},"spec":5}',
      'NetworkPolicy',
      'x',
    ],
    ['globalnetworkpolicies/p', '', 'GlobalNetworkPolicy', undefined],
    ['tiers/p', '{"metadata":{"namespace":"y"},"spec":"odd"}', 'Tier', undefined],
    ['profiles/p', '[]', 'Profile', undefined],
  ])('take what is at %s to be closed where it is %j', (path, value, kind, namespace) => {
    const key = `/calico/resources/v3/projectcalico.org/${path}`;
    const parsed = parseResource(ranges.find(({ name }) => key.startsWith(name))?.read(key, Buffer.from(value)).value);
    const deny = [{ action: 'Deny' }];
    const spec = kind === 'Tier' ? { closed: true } : { ingress: deny, egress: deny };
    const metadata = { name: 'p', labels: {}, annotations: {}, ...(namespace === undefined ? {} : { namespace }) };
    expect(parsed).toMatchObject({ ok: true, resource: { kind, spec } });
    expect(parsed.ok && parsed.resource.metadata).toEqual(metadata);
    expect(parsed.problems.map(({ severity }) => severity)).toContain('error');
  });

  it('know hosts and sets by their keys, whatever else they say', () => {
    const value = (spec: object) => Buffer.from(JSON.stringify({ metadata: { name: 'b', labels: { a: 'c' } }, spec }));
    const read = (path: string, spec: object) => {
      const key = `/calico/resources/v3/projectcalico.org/${path}`;
      return parseResource(ranges.find(({ name }) => key.startsWith(name))?.read(key, value(spec)).value);
    };
    expect(read('hostendpoints/a', { node: 'n', interfaceName: 'eth0' })).toMatchObject({
      ok: true,
      resource: { kind: 'HostEndpoint', metadata: { name: 'a', labels: { a: 'c' } }, spec: { node: 'n' } },
    });
    expect(read('networksets/x/a', { nets: [] })).toMatchObject({
      ok: true,
      resource: { kind: 'NetworkSet', metadata: { namespace: 'x', name: 'a' } },
    });
    const hosts = ranges.find(({ kind }) => kind === 'HostEndpoint');
    expect(hosts?.read('/calico/resources/v3/projectcalico.org/hostendpoints/a', Buffer.from('{'))).toMatchObject({
      unreadable: 'is not JSON',
    });
  });

  it('can only be done without where nothing is closed by what they hold', () => {
    const optional = ranges.filter((range) => range.optional).map(({ kind }) => kind);
    expect(optional).toEqual(['BGPConfiguration', 'ClusterInformation']);
  });
});

describe('a block affinity', () => {
  it.each([
    ['', ''],
    ['{}', ''],
    ['{"state":"confirmed","deleted":false}', 'confirmed'],
    ['{"state":"pendingDeletion","deleted":true}', 'pendingDeletion'],
  ])('with value %j is read', (value, state) => {
    const parsed = parseResource(read('ipv4/block/10.0.0.64-26', value)?.value);
    const name = 'node-1-10-0-0-64-26';
    const deleted = state === 'pendingDeletion';
    expect(parsed).toMatchObject({
      ok: true,
      problems: [],
      resource: { metadata: { name }, spec: { node: 'node-1', type: 'host', cidr: '10.0.0.64/26', state, deleted } },
    });
  });

  it('has a name that is not too long', () => {
    const node = 'n'.repeat(250);
    const range = keyRanges(node, 'routing').find(({ kind }) => kind === 'BlockAffinity');
    const item = range?.read(`/calico/ipam/v2/host/${node}/ipv4/block/10.0.0.64-26`, Buffer.from(''));
    expect(parseResource(item?.value)).toMatchObject({ ok: true, resource: { spec: { node, cidr: '10.0.0.64/26' } } });
    expect(item?.value).toMatchObject({ metadata: { name: expect.stringMatching(/^.{241}10-0-0-64-26$/s) } });
  });

  it('of IPv6 is read', () => {
    const parsed = parseResource(read('ipv6/block/fd00:10::40-122', '')?.value);
    expect(parsed).toMatchObject({ ok: true, resource: { spec: { cidr: 'fd00:10::40/122' } } });
  });

  it('that is none is a problem', () => {
    expect(read('ipv4/block/nonsense', '')).toMatchObject({ unreadable: 'is not the key of a block' });
    expect(read('ipv4/block/10.0.0.0-26', '{')).toMatchObject({ unreadable: 'is not JSON' });
  });
});

import { describe, expect, it } from 'vitest';
import { policyOf } from '../../test/support/ruleset-model.ts';
import { isInterfaceName, logStatement, policyChain, profileChain, quoted } from './names.ts';

/** What nft takes for the name of a chain. */
const NFT_NAME = /^[A-Za-z][\w.-]{0,127}$/;

describe('names of chains', () => {
  it('are those of the resources', () => {
    expect(policyChain(policyOf({}), 'ingress')).toBe('np_x_web_in');
    expect(policyChain(policyOf({ kind: 'KubernetesNetworkPolicy' }), 'egress')).toBe('knp_x_web_out');
    const { namespace: _, ...global } = policyOf({ kind: 'GlobalNetworkPolicy', name: 'deny.all' });
    expect(policyChain(global, 'egress')).toBe('gnp_deny.all_out');
    expect(profileChain('kns.x', 'ingress')).toBe('profile_kns.x_in');
  });

  it('are fit for nft and differ, however resources are called', () => {
    const odd = ['a b', 'a_b', 'a"b', 'a;b', '$a', '', 'é', 'a\nb', 'x'.repeat(300), `${'x'.repeat(299)}y`, 'a/b'];
    const chains = odd.flatMap((name) => [
      profileChain(name, 'ingress'),
      policyChain(policyOf({ name }), 'ingress'),
      policyChain(policyOf({ namespace: name, name: 'b' }), 'ingress'),
    ]);
    expect(chains.filter((name) => !NFT_NAME.test(name))).toEqual([]);
    expect(new Set(chains).size).toBe(chains.length);
    const split = policyChain(policyOf({ namespace: 'a_b', name: 'c' }), 'ingress');
    expect(split).not.toBe(policyChain(policyOf({ namespace: 'a', name: 'b_c' }), 'ingress'));
  });
});

describe('texts', () => {
  it('hold nothing that ends them, or that nft would look up', () => {
    expect(quoted('app == "web" && $x; \\ {a}\n')).toBe('"app == \'web\' && _x_ _ {a}_"');
    expect(quoted('é'.repeat(300))).toHaveLength(129);
  });

  it('of logs keep the rule where the name is long', () => {
    expect(logStatement('calico-packet', 'default/x/web/ingress/0')).toBe(
      'log prefix "calico-packet: default/x/web/ingress/0 "',
    );
    const long = logStatement('calico-packet', `default/x/${'long-name-'.repeat(30)}/ingress/12`);
    expect(long).toMatch(/^log prefix "calico-packet: default\/x\/long.*\.\.\..*\/ingress\/12 "$/);
    expect(long.length).toBeLessThanOrEqual('log prefix ""'.length + 127);
    expect(logStatement('p'.repeat(200), 'default/x/web/ingress/0').length).toBeLessThanOrEqual(13 + 127);
  });
});

it.each([
  ['cali0123456789a', true],
  ['eth0.100', true],
  ['cali*', false],
  ['cali0123456789ab', false],
  ['a"b', false],
  ['', false],
])('%s is the name of an interface: %s', (name, is) => {
  expect(isInterfaceName(name)).toBe(is);
});

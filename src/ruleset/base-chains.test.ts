import { describe, expect, it } from 'vitest';
import { prefixes, settingsOf } from '../../test/support/ruleset-model.ts';
import type { LocalHost } from '../policy/model.ts';
import type { PolicySettings } from '../policy/settings.ts';
import { baseChains } from './base-chains.ts';

function chains(settings: Partial<PolicySettings>, hosts: readonly LocalHost[] = []) {
  const byName = new Map(hosts.map((host) => [host.interfaceName, host]));
  return baseChains({ settings: settingsOf(settings), hosts: byName, spoofable: [], strays: [] });
}

const rules = (settings: Partial<PolicySettings>, name: string, hosts?: readonly LocalHost[]) =>
  chains(settings, hosts).get(name)?.rules;

const host = (interfaceName: string, rules: LocalHost['rules']) => ({
  endpoint: 'HostEndpoint h',
  interfaceName,
  rules,
});

describe('base chains', () => {
  it('know workloads by all that names of their interfaces begin with', () => {
    const interfacePrefixes = ['cali', 'tap', 'a"b', '*', '', 'fifteen-letters'];
    expect(rules({ interfacePrefixes }, 'forward_from')).toEqual([
      'iifname "cali*" goto workload_egress',
      'iifname "tap*" goto workload_egress',
      'iifname "fifteen-letters" goto workload_egress',
      'accept',
    ]);
  });

  it('drop what runs off the end of a chain for workloads, and judge source and destination apart', () => {
    const bases = [...chains({}).values()].flatMap(({ base }) =>
      base?.includes('hook forward') === true ? [base] : [],
    );
    expect(bases).toEqual([
      'type filter hook forward priority 0; policy drop;',
      'type filter hook forward priority 1; policy drop;',
    ]);
  });

  it('are only those that something needs', () => {
    const optional = ['output_to', 'pre_dnat', 'untracked_in', 'untracked_out', 'outgoing', 'loops'];
    expect(optional.filter((name) => chains({}).has(name))).toEqual([]);
    const all = host('eth0', {
      host: { ingress: 'a', egress: 'b' },
      preDNAT: { ingress: 'c' },
      untracked: { ingress: 'd', egress: 'e' },
    });
    const settings = {
      masquerade: { sources: prefixes('10.0.0.0/16'), pools: [] },
      loops: { action: 'Drop' as const, ranges: prefixes('10.96.0.0/12') },
    };
    expect(optional.filter((name) => !chains(settings, [all]).has(name))).toEqual([]);
  });

  it('lead to HostEndpoints by interface, and those without to that for all', () => {
    const closed = { host: { ingress: 'closed' } };
    expect(rules({}, 'input_from', [host('eth0', closed), host('eth1', {})])?.slice(1)).toEqual([
      'iifname vmap { "eth0" : goto host_in_closed }',
      'accept',
    ]);
    expect(rules({}, 'input_from', [host('eth1', {}), host('*', closed)])?.slice(1)).toEqual([
      'iifname vmap { "eth1" : accept }',
      'iifname != "lo" goto host_in_closed',
      'accept',
    ]);
  });

  it('name failsafes with the other end, and before connection tracking also their answers', () => {
    const [net] = prefixes('192.0.2.0/24');
    const failsafes = { ingress: [{ protocol: 6, port: 22, net }], egress: [{ protocol: 17, port: 53 }] };
    const incoming = 'ip saddr 192.0.2.0/24 meta l4proto 6 th dport 22 accept';
    expect(rules({ failsafes }, 'failsafe_in')).toEqual([incoming]);
    expect(rules({ failsafes }, 'failsafe_in_untracked')).toEqual([incoming, 'meta l4proto 17 th sport 53 accept']);
    expect(rules({ failsafes }, 'failsafe_out_untracked')).toEqual([
      'meta l4proto 17 th dport 53 accept',
      'ip daddr 192.0.2.0/24 meta l4proto 6 th sport 22 accept',
    ]);
  });

  it('translate what leaves the pools', () => {
    const masquerade = {
      sources: prefixes('10.65.0.0/16', 'fd00::/64'),
      pools: prefixes('10.65.0.0/16', '10.66.0.0/16', 'fd00::/64'),
    };
    expect(rules({ masquerade }, 'outgoing')).toEqual([
      'ip saddr 10.65.0.0/16 ip daddr . meta l4proto != { 10.65.0.0/16 . 0-255, 10.66.0.0/16 . 0-255 } masquerade fully-random',
      'ip6 saddr fd00::/64 ip6 daddr != fd00::/64 masquerade fully-random',
    ]);
  });
});

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

/** A HostEndpoint, and settings, that need every chain there is. */
const ALL_LAYERS = host('eth0', {
  host: { ingress: 'a', egress: 'b' },
  preDNAT: { ingress: 'c' },
  untracked: { ingress: 'd', egress: 'e' },
});
const EVERYTHING = {
  masquerade: { sources: prefixes('10.0.0.0/16'), pools: [] },
  loops: { action: 'Drop' as const, ranges: prefixes('10.96.0.0/12') },
};

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

  it('see packets in the order that their layers need', () => {
    const bases = [...chains(EVERYTHING, [ALL_LAYERS])].filter(([, { base }]) => base !== undefined);
    expect(Object.fromEntries(bases.map(([name, { base }]) => [name, base]))).toEqual({
      sources: 'type filter hook prerouting priority -300; policy accept;',
      untracked_in: 'type filter hook prerouting priority -299; policy accept;',
      pre_dnat: 'type filter hook prerouting priority -150; policy accept;',
      forward_from: 'type filter hook forward priority 0; policy drop;',
      forward_to: 'type filter hook forward priority 1; policy drop;',
      loops: 'type filter hook forward priority 10; policy accept;',
      input_from: 'type filter hook input priority 0; policy drop;',
      input_to: 'type filter hook input priority 1; policy drop;',
      untracked_out: 'type filter hook output priority -300; policy accept;',
      output_to: 'type filter hook output priority 0; policy drop;',
      outgoing: 'type nat hook postrouting priority 110; policy accept;',
    });
  });

  it('let the host reach its workloads whatever a HostEndpoint says', () => {
    expect(rules({}, 'output_to', [host('*', { host: { ingress: 'a', egress: 'b' } })])).toEqual([
      'oifname "cali*" accept',
      'oifname != "lo" goto host_out_b',
      'accept',
    ]);
  });

  it('stop packets to services that nobody serves, but for connections that are known', () => {
    const loops = { action: 'Reject' as const, ranges: prefixes('10.96.0.0/12', 'fd00::/112') };
    expect(rules({ loops }, 'loops')).toEqual([
      'ct state established,related accept',
      'ip daddr 10.96.0.0/12 reject',
      'ip6 daddr fd00::/112 reject',
    ]);
  });

  it('are only those that something needs', () => {
    const optional = ['output_to', 'pre_dnat', 'untracked_in', 'untracked_out', 'outgoing', 'loops'];
    expect(optional.filter((name) => chains({}).has(name))).toEqual([]);
    expect(optional.filter((name) => !chains(EVERYTHING, [ALL_LAYERS]).has(name))).toEqual([]);
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

  it('judge by the rules of HostEndpoints only what was not allowed before connection tracking', () => {
    const all = {
      host: { ingress: 'a', egress: 'b' },
      preDNAT: { ingress: 'c' },
      untracked: { ingress: 'd', egress: 'e' },
    };
    const allowed = 'ct state untracked accept comment "allowed before connection tracking"';
    const eth0 = [host('eth0', all)];
    expect(rules({}, 'untracked_in', eth0)).toEqual(['iifname vmap { "eth0" : goto untracked_in_d }']);
    expect(rules({}, 'untracked_out', eth0)).toEqual(['oifname vmap { "eth0" : goto untracked_out_e }']);
    expect(rules({}, 'pre_dnat', eth0)).toEqual([allowed, 'iifname vmap { "eth0" : goto preDNAT_in_c }']);
    expect(rules({}, 'input_from', eth0)?.[1]).toBe(allowed);
    expect(rules({}, 'input_from', [host('eth0', { host: all.host })])).not.toContain(allowed);
  });

  it('ask the policies of workloads about all that these send to the host, but for discovery and what OpenStack needs', () => {
    const discovery = 'icmpv6 type { 130, 131, 132, 133, 135, 136 } accept comment "neighbour discovery"';
    expect(rules({}, 'workload_to_host')).toEqual([discovery, 'goto workload_egress']);
    const unknown = 'drop comment "unknown workload interface"';
    expect(rules({}, 'workload_egress')).toEqual(['iifname vmap @from_workload', unknown]);
    expect(rules({}, 'workload_ingress')).toEqual(['oifname vmap @to_workload', unknown]);
    expect(rules({}, 'host_of_workload')?.at(-1)).toBe('drop comment "defaultEndpointToHostAction"');
    for (const endpointToHost of ['Accept', 'Return'] as const) {
      expect(chains({ endpointToHost }).has('input_to')).toBe(false);
    }
    const openstack = { metadataAddress: '169.254.169.254', metadataPort: 80 };
    expect(rules({ openstack }, 'workload_to_host')).toEqual([
      discovery,
      'ip daddr 169.254.169.254 tcp dport 80 accept comment "metadata"',
      'meta nfproto ipv4 udp sport 68 udp dport 67 accept comment "DHCP"',
      'meta nfproto ipv6 udp sport 546 udp dport 547 accept comment "DHCP"',
      'udp dport 53 accept comment "DNS"',
      'goto workload_egress',
    ]);
  });

  it('let workloads have other sources than their own only where that is wanted', () => {
    const sources = (sourceSpoofing: boolean) =>
      baseChains({ settings: settingsOf({ sourceSpoofing }), hosts: new Map(), spoofable: [4, 6], strays: [] }).get(
        'workload_source',
      )?.rules;
    const discovery = 'ip6 saddr :: icmpv6 type { 131, 132, 133, 135, 143 } accept';
    const spoofed = 'fib saddr . mark . iif oif 0 drop comment "spoofed source"';
    expect(sources(false)).toEqual([discovery, spoofed]);
    expect(rules({ openstack: { metadataAddress: '169.254.169.254', metadataPort: 80 } }, 'workload_source')).toEqual([
      discovery,
      'ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept comment "DHCP"',
      spoofed,
    ]);
    expect(sources(true)).toEqual([
      discovery,
      'iifname . ip saddr @spoofable4 accept',
      'iifname . ip6 saddr @spoofable6 accept',
      spoofed,
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

import { describe, expect, it } from 'vitest';
import { TableRecord } from '../../test/support/table-record.ts';
import { addressSet, changes, policyOf, rulesOf, settingsOf, workloadAt } from '../../test/support/ruleset-model.ts';
import { RulesetRenderer } from './ruleset-renderer.ts';

const WEB = addressSet('web');

/** A policy for ingress of one rule, which names a set. */
const ALLOW_WEB = policyOf({ ingress: [{ source: { in: WEB } }] });

/** A table with one workload whose ingress {@link ALLOW_WEB} judges. */
function start() {
  const table = new TableRecord();
  const renderer = new RulesetRenderer(table);
  renderer.apply(
    changes({
      settings: settingsOf(),
      sets: [{ set: WEB, added: ['10.65.0.1'] }],
      policies: [ALLOW_WEB],
      profiles: [{ name: 'kns.x', ingress: [{}], egress: [{}] }],
      rules: [
        rulesOf({ id: 'i', direction: 'ingress', tiers: [[ALLOW_WEB]], profiles: ['kns.x'] }),
        rulesOf({ id: 'e', direction: 'egress', profiles: ['kns.x'] }),
      ],
      workloads: [workloadAt('cali1', { ingress: 'i', egress: 'e' })],
    }),
  );
  return { table, renderer };
}

describe('a ruleset', () => {
  it('leads packets of a workload to what is asked of it', () => {
    const { table } = start();
    expect(table.dangling()).toEqual([]);
    expect(table.elements('from_workload')).toEqual(['"cali1" : goto workload_out_e']);
    expect(table.elements('to_workload')).toEqual(['"cali1" : goto workload_in_i']);
    expect(table.rules('workload_in_i')).toEqual([
      'ct state established,related accept',
      'ct state invalid drop',
      'jump np_x_web_in',
      'drop comment "end of tier default"',
    ]);
    expect(table.rules('np_x_web_in')).toEqual([`ip saddr @s4_${WEB.id} accept comment "rule 0"`]);
    expect(table.rules('workload_out_e')).toEqual([
      'ct state established,related accept',
      'ct state invalid drop',
      'udp dport 4789 drop comment "encapsulated by a workload"',
      'meta l4proto 4 drop comment "encapsulated by a workload"',
      'jump profile_kns.x_out',
      'drop comment "allowed by no policy or profile"',
    ]);
  });

  it('judges a workload by its interface where the name begins otherwise than is said', () => {
    const { table, renderer } = start();
    const [stray, loopback] = ['tap1', 'lo'].map((name) => workloadAt(name, { ingress: 'i', egress: 'e' }));
    renderer.apply(changes({ workloads: [stray, loopback] }));
    for (const [chain, key, to] of [
      ['sources', 'iifname', 'workload_source'],
      ['forward_from', 'iifname', 'workload_egress'],
      ['forward_to', 'oifname', 'workload_ingress'],
      ['input_from', 'iifname', 'workload_to_host'],
      ['input_to', 'iifname', 'host_of_workload'],
    ]) {
      expect(table.rules(chain)?.slice(0, 2)).toEqual([`${key} "cali*" goto ${to}`, `${key} "tap1" goto ${to}`]);
    }
    expect(table.rules('forward_from')).not.toContain('iifname "lo" goto workload_egress');
    renderer.apply(changes({ settings: settingsOf({ interfacePrefixes: ['cali', 'tap'] }) }));
    expect(table.rules('forward_from')?.[1]).toBe('iifname "tap*" goto workload_egress');
    renderer.apply(changes({ settings: settingsOf(), workloads: [['tap1', undefined]] }));
    expect(table.rules('forward_from')).toEqual(['iifname "cali*" goto workload_egress', 'accept']);
  });

  it('asks what comes after a tier that packets are passed out of, and begins it with no packet passed', () => {
    const { table, renderer } = start();
    const passing = policyOf({ name: 'passing', ingress: [{ action: 'Pass' }] });
    const rules = rulesOf({ id: 'p', direction: 'ingress', tiers: [[passing]], profiles: ['kns.x'] });
    renderer.apply(changes({ policies: [passing], rules: [rules] }));
    expect(table.rules('workload_in_p')?.slice(2)).toEqual([
      'jump workload_in_p_tier1',
      'jump profile_kns.x_in',
      'drop comment "allowed by no policy or profile"',
    ]);
    expect(table.rules('np_x_passing_in')).toEqual(['meta mark set meta mark | 0x1000 return comment "rule 0"']);
    expect(table.rules('workload_in_p_tier1')).toEqual([
      'meta mark set meta mark & 0xffffefff',
      'jump np_x_passing_in',
      'meta mark & 0x1000 != 0 meta mark set meta mark & 0xffffefff return',
      'drop comment "end of tier default"',
    ]);
  });

  it.each(['workload', 'forward', 'preDNAT', 'untracked'] as const)('drops in a tier that is closed (%s)', (layer) => {
    const { table, renderer } = start();
    renderer.apply(changes({ rules: [rulesOf({ id: 'c', layer, tiers: [[]], profiles: ['kns.x'] })] }));
    expect(table.rules(`${layer}_in_c`)?.at(-1)).toBe('drop comment "end of tier default"');
  });

  it('lets nothing pass where an endpoint is down', () => {
    const { table, renderer } = start();
    renderer.apply(changes({ rules: [rulesOf({ id: 'd', up: false, profiles: ['kns.x'] })] }));
    expect(table.rules('workload_in_d')).toEqual(['drop comment "endpoint is down"']);
  });

  it.each([
    ['host', ['jump failsafe_in'], ['drop comment "end of tier default"']],
    ['forward', [], ['drop comment "end of tier default"']],
    ['preDNAT', ['jump failsafe_in'], ['accept comment "passed by all tiers"']],
    ['untracked', ['jump failsafe_in_untracked'], ['accept comment "passed by all tiers"']],
  ] as const)('of a HostEndpoint asks failsafes, tiers and what comes after them (%s)', (layer, failsafes, end) => {
    const { table, renderer } = start();
    renderer.apply(changes({ rules: [rulesOf({ id: 'h', layer, tiers: [[ALLOW_WEB]] })] }));
    const known = ['ct state established,related accept', 'ct state invalid drop'];
    const rules = table.rules(`${layer}_in_h`).filter((rule) => !rule.startsWith('icmpv6'));
    expect(rules).toEqual([...(layer === 'untracked' ? [] : known), ...failsafes, 'jump np_x_web_in', ...end]);
  });

  it('leads past a tier from the moment that a policy there passes packets on', () => {
    const { table, renderer } = start();
    const passing = policyOf({ ingress: [{ source: { in: WEB } }, { action: 'Pass' }] });
    renderer.apply(changes({ policies: [passing] }));
    expect(table.rules('workload_in_i').slice(2)).toEqual([
      'jump workload_in_i_tier1',
      'jump profile_kns.x_in',
      'drop comment "allowed by no policy or profile"',
    ]);
  });

  it('writes what is asked of all endpoints anew where settings are about it', () => {
    const { table, renderer } = start();
    renderer.apply(changes({ settings: settingsOf({ dropInvalid: false, vxlanPort: 8472, dropIpip: false }) }));
    expect(table.rules('workload_out_e').slice(0, 2)).toEqual([
      'ct state established,related accept',
      'udp dport 8472 drop comment "encapsulated by a workload"',
    ]);
    expect(table.rules('workload_out_e').join(' ')).not.toContain('l4proto 4 ');
  });

  it('takes no rule for a workload more', () => {
    const { table, renderer } = start();
    table.touched = [];
    renderer.apply(
      changes({
        sets: [{ set: WEB, added: ['10.65.0.2'] }],
        workloads: [workloadAt('cali2', { ingress: 'i', egress: 'e' })],
      }),
    );
    expect(table.touched.toSorted()).toEqual([
      'element from_workload "cali2"',
      `element s4_${WEB.id} 10.65.0.2`,
      'element to_workload "cali2"',
    ]);
    table.touched = [];
    renderer.apply(changes({ workloads: [['cali2', undefined]] }));
    expect(table.touched).toEqual(['element from_workload "cali2"', 'element to_workload "cali2"']);
  });

  it('writes only rules that name a set when that gets its first prefix, and loses its last', () => {
    const { table, renderer } = start();
    table.touched = [];
    renderer.apply(changes({ sets: [{ set: WEB, added: ['192.0.2.0/24'] }] }));
    const after = [`set c4_${WEB.id}`, `element c4_${WEB.id} 192.0.2.0/24 . 0-255`, 'chain np_x_web_in'];
    expect(table.touched).toEqual(after);
    expect(table.rules('np_x_web_in')).toEqual([
      `ip saddr @s4_${WEB.id} accept comment "rule 0"`,
      `ip saddr . meta l4proto @c4_${WEB.id} accept comment "rule 0"`,
    ]);
    table.touched = [];
    renderer.apply(changes({ sets: [{ set: WEB, added: ['198.51.100.0/24'] }] }));
    expect(table.touched).toEqual([`element c4_${WEB.id} 198.51.100.0/24 . 0-255`]);
    renderer.apply(changes({ sets: [{ set: WEB, removed: ['192.0.2.0/24', '198.51.100.0/24'] }] }));
    expect(table.rules('np_x_web_in')).toHaveLength(1);
    expect(table.sets.has(`c4_${WEB.id}`)).toBe(false);
  });

  it('asks about IPv6 as soon as any set has members of it, and no longer', () => {
    const { table, renderer } = start();
    const other = addressSet('other');
    renderer.apply(changes({ sets: [{ set: other, added: ['fd00::1'] }] }));
    expect(table.rules('np_x_web_in')).toEqual([
      `ip saddr @s4_${WEB.id} accept comment "rule 0"`,
      `ip6 saddr @s6_${WEB.id} accept comment "rule 0"`,
    ]);
    expect(table.elements(`s6_${other.id}`)).toEqual(['fd00::1']);
    expect(table.sets.has(`s6_${WEB.id}`)).toBe(true);
    expect(table.dangling()).toEqual([]);
    renderer.apply(changes({ sets: [{ set: other, gone: true }] }));
    expect([...table.sets.keys()].filter((name) => name.startsWith('s'))).toEqual([
      'spoofable4',
      'spoofable6',
      `s4_${WEB.id}`,
    ]);
    expect(table.dangling()).toEqual([]);
  });

  it('lets nothing past what is not there', () => {
    const { table, renderer } = start();
    renderer.apply(changes({ profiles: [['kns.x', undefined]] }));
    expect(table.rules('workload_out_e').at(-2)).toBe('drop comment "unknown profile kns.x"');
    renderer.apply(changes({ policies: [[ALLOW_WEB.key, undefined]] }));
    expect(table.rules('workload_in_i')).toContain(`drop comment "unknown policy ${ALLOW_WEB.key}"`);
    renderer.apply(changes({ profiles: [{ name: 'kns.x', ingress: [], egress: [] }] }));
    expect(table.rules('workload_out_e')).toContain('jump profile_kns.x_out');
    expect(table.dangling()).toEqual([]);
  });

  it('writes nothing before it has settings, and then everything', () => {
    const { table: whole } = start();
    const table = new TableRecord();
    const renderer = new RulesetRenderer(table);
    renderer.apply(changes({ sets: [{ set: WEB, added: ['10.65.0.1'] }], policies: [ALLOW_WEB] }));
    renderer.apply(
      changes({
        profiles: [{ name: 'kns.x', ingress: [{}], egress: [{}] }],
        rules: [
          rulesOf({ id: 'e', direction: 'egress', profiles: ['kns.x'] }),
          rulesOf({ id: 'i', direction: 'ingress', tiers: [[ALLOW_WEB]], profiles: ['kns.x'] }),
        ],
        workloads: [workloadAt('cali1', { ingress: 'i', egress: 'e' })],
      }),
    );
    expect(table.touched).toEqual([]);
    renderer.apply(changes({ settings: settingsOf() }));
    expect(table.contents()).toEqual(whole.contents());
  });

  it('keeps nothing of what goes', () => {
    const { table, renderer } = start();
    renderer.apply(changes({ settings: settingsOf({ logPrefix: 'other' }) }));
    renderer.apply(
      changes({
        sets: [{ set: WEB, gone: true }],
        policies: [[ALLOW_WEB.key, undefined]],
        profiles: [['kns.x', undefined]],
        rules: [
          ['i', undefined],
          ['e', undefined],
        ],
        workloads: [['cali1', undefined]],
      }),
    );
    const empty = new TableRecord();
    new RulesetRenderer(empty).apply(changes({ settings: settingsOf({ logPrefix: 'other' }) }));
    expect(table.contents()).toEqual(empty.contents());
  });

  it('leaves an interface unknown whose name would mean another in nft', () => {
    const { table, renderer } = start();
    for (const name of ['cali*', 'cali"', 'cali1; drop', 'cali$x', 'caliabcdefghijklm']) {
      renderer.apply(changes({ workloads: [workloadAt(name, { ingress: 'i', egress: 'e' })] }));
    }
    expect(table.elements('from_workload')).toHaveLength(1);
  });
});

import { describe, expect, it } from 'vitest';
import { resourceOf } from '../../test/support/policy-resources.ts';
import { formatPrefix } from '../net/prefix.ts';
import { failsafePorts } from '../resources/failsafe-ports.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import { policySettings } from './policy-settings.ts';
import type { PolicyOverrides, SettingsResources } from './policy-settings.ts';
import type { Failsafe } from './settings.ts';

const manifest = (kind: string, spec: object, name = 'default') =>
  resourceOf({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });

const felix = (spec: object, name?: string) =>
  manifest('FelixConfiguration', spec, name) as ResourceOf<'FelixConfiguration'>;

const NONE: SettingsResources = { felix: [], pools: [], bgp: [], cluster: [] };

function settings(resources: Partial<SettingsResources>, overrides: PolicyOverrides = {}) {
  return policySettings({ ...NONE, ...resources }, 'a', overrides).settings;
}

const words = (failsafes: readonly Failsafe[]) =>
  failsafes.map(({ protocol, port, net }) => `${protocol} ${port}${net === undefined ? '' : ` ${formatPrefix(net)}`}`);

describe('the settings of a node', () => {
  it.each([
    ['cali, eni', ['cali', 'eni']],
    ['', ['cali']],
  ])('have the prefixes of %j', (interfacePrefix, prefixes) => {
    expect(settings({ felix: [felix({ interfacePrefix })] }).interfacePrefixes).toEqual(prefixes);
  });

  it("are Calico's where nothing is said", () => {
    const { failsafes, ...rest } = settings({});
    expect(rest).toMatchObject({
      interfacePrefixes: ['cali'],
      endpointToHost: 'Drop',
      dropInvalid: true,
      vxlanPort: 4789,
      dropIpip: true,
      sourceSpoofing: false,
      logPrefix: 'calico-packet',
      openstack: undefined,
      masquerade: { sources: [], pools: [] },
      loops: undefined,
    });
    const tcp = ['6 179', '6 2379', '6 2380', '6 5473', '6 6443', '6 6666', '6 6667'];
    expect(words(failsafes.ingress)).toEqual(['6 22', ...tcp, '17 68']);
    expect(words(failsafes.egress)).toEqual([...tcp, '17 53', '17 67']);
  });

  it('come from the node, then from its object, then from the one for all', () => {
    const objects = [
      felix({ defaultEndpointToHostAction: 'Return', logPrefix: 'all', vxlanPort: 1, interfacePrefix: 'cali,tap' }),
      felix({ defaultEndpointToHostAction: 'ACCEPT', logPrefix: 'node' }, 'node.a'),
      felix({ logPrefix: 'other' }, 'node.b'),
    ];
    expect(settings({ felix: objects }, { felix: { logPrefix: 'own' } })).toMatchObject({
      endpointToHost: 'Accept',
      logPrefix: 'own',
      vxlanPort: 1,
      interfacePrefixes: ['cali', 'tap'],
    });
  });

  it('let workloads tunnel and send what connection tracking does not know, if they say so', () => {
    const spec = {
      allowVXLANPacketsFromWorkloads: true,
      allowIPIPPacketsFromWorkloads: true,
      disableConntrackInvalidCheck: true,
    };
    expect(settings({ felix: [felix(spec)] })).toMatchObject({
      vxlanPort: undefined,
      dropIpip: false,
      dropInvalid: false,
    });
  });

  it('know failsafe ports as a list and as text', () => {
    const list = [
      { protocol: 'tcp', port: 22, net: '10.0.0.0/8' },
      { protocol: 'UDP', port: 53 },
    ];
    expect(words(settings({ felix: [felix({ failsafeInboundHostPorts: list })] }).failsafes.ingress)).toEqual([
      '6 22 10.0.0.0/8',
      '17 53',
    ]);
    const text = failsafePorts.parse('tcp:10.0.0.1:22, 80,udp:[fd00::/8]:53');
    const { ingress, egress } = settings(
      {},
      { felix: { failsafeInboundHostPorts: text, failsafeOutboundHostPorts: failsafePorts.parse('none') } },
    ).failsafes;
    expect(words(ingress)).toEqual(['6 22 10.0.0.1/32', '6 80', '17 53 fd00::/8']);
    expect(egress).toEqual([]);
    for (const wrong of ['tcp:ssh', 'tcp:10.0.0.0/33:22', 'tcp:99999', 'odd:22', '']) {
      expect(failsafePorts.safeParse(wrong).success).toBe(false);
    }
  });

  it.each([
    [{ cluster: [manifest('ClusterInformation', { clusterType: 'k8s,OpenStack' })] }, '127.0.0.1', 8775],
    [{ felix: [felix({ interfacePrefix: 'tap' })] }, '127.0.0.1', 8775],
    [{ felix: [felix({ metadataAddr: '192.0.2.1', metadataPort: 80 })] }, '192.0.2.1', 80],
  ])('see OpenStack in %j', (resources, metadataAddress, metadataPort) => {
    expect(settings(resources as Partial<SettingsResources>).openstack).toEqual({ metadataAddress, metadataPort });
  });

  it('see no OpenStack in other interfaces, and allow no other sources but where it is said', () => {
    const of = (spec: object) => settings({ felix: [felix(spec)] });
    expect(of({ interfacePrefix: 'eni' }).openstack).toBeUndefined();
    const spoofing = [{}, { workloadSourceSpoofing: 'Disabled' }, { workloadSourceSpoofing: 'Any' }].map(of);
    expect(spoofing.map(({ sourceSpoofing }) => sourceSpoofing)).toEqual([false, false, true]);
  });

  it('have pools, some of which are masqueraded', () => {
    const pools = [
      manifest('IPPool', { cidr: '10.66.0.0/16' }, 'inside'),
      manifest('IPPool', { cidr: '10.65.0.0/16', natOutgoing: true, disabled: true }, 'out'),
    ] as ResourceOf<'IPPool'>[];
    const { sources, pools: all } = settings({ pools }).masquerade;
    expect([sources.map(formatPrefix), all.map(formatPrefix)]).toEqual([
      ['10.65.0.0/16'],
      ['10.65.0.0/16', '10.66.0.0/16'],
    ]);
    expect(settings({ pools }, { masquerade: false }).masquerade).toEqual({ sources: [], pools: [] });
  });

  it('stop packets to services that nobody serves, unless somebody else does', () => {
    const spec = { serviceClusterIPs: [{ cidr: '10.96.0.0/12' }], serviceExternalIPs: [{ cidr: '192.0.2.0/24' }] };
    const bgp = [manifest('BGPConfiguration', spec)] as ResourceOf<'BGPConfiguration'>[];
    expect(settings({ bgp }).loops?.action).toBe('Drop');
    expect(settings({ bgp }).loops?.ranges.map(formatPrefix)).toEqual(['10.96.0.0/12', '192.0.2.0/24']);
    expect(settings({ bgp, felix: [felix({ serviceLoopPrevention: 'Reject' })] }).loops?.action).toBe('Reject');
    expect(settings({ bgp, felix: [felix({ serviceLoopPrevention: 'Disabled' })] }).loops).toBeUndefined();
    expect(settings({ bgp }, { loops: false }).loops).toBeUndefined();
  });
});

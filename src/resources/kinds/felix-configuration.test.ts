import { describe, expect, it } from 'vitest';
import { parseResource } from '../parse-resource.ts';
import { V3, parsedDefault, problemsOf, specOf } from '../../../test/support/parsed-kinds.ts';

describe('FelixConfiguration', () => {
  it('reads what concerns routes and tunnels, and lets the rest be', () => {
    const spec = {
      programClusterRoutes: 'EnabledIPIPOnly',
      vxlanEnabled: true,
      vxlanVNI: 4097,
      vxlanPort: 8472,
      vxlanMTU: 1450,
      vxlanMTUV6: 0,
      ipipEnabled: false,
      ipipMTU: 1480,
      deviceRouteProtocol: 3,
      interfacePrefix: 'cali,tap',
      wireguardEnabled: true,
      wireguardEnabledV6: false,
      serviceLoopPrevention: 'Reject',
    };
    expect(specOf('FelixConfiguration', { ...spec, bpfEnabled: false, whatever: 1 })).toEqual(spec);
    expect(specOf('FelixConfiguration', {}, 'node.a')).toEqual({});
  });

  it.each([
    [{ vxlanVNI: 16777216 }, 'warning spec.vxlanVNI: must be at most 16777215, not 16777216; taken as unset'],
    [{ vxlanPort: '8472' }, 'warning spec.vxlanPort: must be a number, not the text "8472"; taken as unset'],
    [
      { serviceLoopPrevention: 'drop' },
      'warning spec.serviceLoopPrevention: must be Drop, Reject or Disabled, not the text "drop" (did you mean "Drop"?); taken as unset',
    ],
    [
      { programClusterRoutes: 'EnabledVXLANOnly' },
      'warning spec.programClusterRoutes: must be Enabled, Disabled, EnabledIPIPOnly or EnabledNoEncapOnly, not the text "EnabledVXLANOnly"; taken as unset',
    ],
  ])('takes a wrong field as unset, and keeps the rest: %j', (spec, problem) => {
    expect(parsedDefault('FelixConfiguration', { ...spec, vxlanMTU: 1400 })).toEqual([{ vxlanMTU: 1400 }, problem]);
  });

  it('is there even if its spec can not be read at all', () => {
    expect(parsedDefault('FelixConfiguration', 5)).toEqual([
      {},
      'warning spec: must be a group of fields, not 5; taken as unset',
    ]);
  });

  it('has failsafe ports only of protocols that have ports', () => {
    const read = (protocol: unknown) =>
      parsedDefault('FelixConfiguration', { failsafeInboundHostPorts: [{ protocol, port: 1 }] });
    for (const protocol of ['tcp', 17, 'SCTP']) expect(read(protocol)).toHaveLength(1);
    expect(read('icmp')).toEqual([
      {},
      'warning spec.failsafeInboundHostPorts.0.protocol: must be TCP, UDP, SCTP or UDPLite: others have no ports; taken as unset',
    ]);
  });

  it('ignores other names', () => {
    expect(problemsOf('FelixConfiguration', {}, 'other')).toEqual([
      'warning metadata.name: ignored: only FelixConfigurations named "default" or "node.<node name>" have an effect',
    ]);
  });
});

describe('ClusterInformation', () => {
  it('keeps the version if another field is wrong', () => {
    expect(parsedDefault('ClusterInformation', { calicoVersion: 'v3.33.0', datastoreReady: 'yes' })).toEqual([
      { calicoVersion: 'v3.33.0' },
      'warning spec.datastoreReady: must be true or false, not the text "yes"; taken as unset',
    ]);
  });

  it('reads what Calico says of the cluster', () => {
    const spec = { calicoVersion: 'v3.31.2', clusterType: 'k8s,bgp', clusterGUID: 'f00', datastoreReady: true };
    expect(specOf('ClusterInformation', { ...spec, variant: 'Calico' })).toEqual(spec);
  });

  it('ignores other names', () => {
    expect(problemsOf('ClusterInformation', {}, 'other')).toEqual([
      'warning metadata.name: ignored: only the ClusterInformation named "default" has an effect',
    ]);
  });

  it.each(['crd.projectcalico.org/v1', V3])('is read as %s, as FelixConfiguration is', (apiVersion) => {
    for (const kind of ['ClusterInformation', 'FelixConfiguration']) {
      const parsed = parseResource({ apiVersion, kind, metadata: { name: 'default' }, spec: {} });
      expect(parsed).toMatchObject({ ok: true, problems: [], resource: { apiVersion: V3, kind } });
    }
  });
});

import { describe, expect, it } from 'vitest';
import { parsedDefault, problemsOf, specOf } from '../../../test/support/parsed-kinds.ts';

describe('BGPConfiguration', () => {
  it('reads every field', () => {
    const spec = {
      logSeverityScreen: 'info',
      nodeToNodeMeshEnabled: true,
      asNumber: '1.10',
      serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }, { cidr: '' }],
      serviceExternalIPs: [{ cidr: '2001:DB8:0::/48' }],
      serviceClusterIPs: [{ cidr: '10.96.0.1/12' }],
      serviceLoadBalancerAggregation: 'Disabled',
      communities: [{ name: 'tor', value: '64512:0100' }],
      prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['tor', '64512:1:2'] }],
      listenPort: 1790,
      nodeMeshPassword: { secretKeyRef: { name: 'bgp', key: 'password' } },
      nodeMeshMaxRestartTime: '3m',
      bindMode: 'NodeIP',
      ignoredInterfaces: ['docker*'],
      localWorkloadPeeringIPV4: '169.254.1.1',
      localWorkloadPeeringIPV6: 'fe80::1',
      programClusterRoutes: 'EnabledIPIPOnly',
      ipv4NormalRoutePriority: 1000,
      ipv6NormalRoutePriority: 1001,
    };
    expect(specOf('BGPConfiguration', spec)).toEqual({
      ...spec,
      logSeverityScreen: 'Info',
      asNumber: 65546,
      serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }],
      serviceExternalIPs: [{ cidr: '2001:db8::/48' }],
      serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
      communities: [{ name: 'tor', value: '64512:100' }],
    });
  });

  it.each([
    [{ asNumber: 0 }, 'error spec.asNumber: AS 0 is reserved and can not be used (RFC 7607)'],
    [
      { asNumber: 4294967296 },
      'error spec.asNumber: 4294967296 is not an AS number (1 to 4294967295, or two parts as "1.10")',
    ],
    [{ asNumber: true }, 'error spec.asNumber: must be a number or a text, not true'],
    [{ listenPort: 65536 }, 'error spec.listenPort: must be at most 65535, not 65536'],
    [{ nodeToNodeMeshEnabled: 'no' }, 'error spec.nodeToNodeMeshEnabled: must be true or false, not the text "no"'],
    [
      { bindMode: 'NodeIp' },
      'error spec.bindMode: must be None or NodeIP, not the text "NodeIp" (did you mean "NodeIP"?)',
    ],
    [
      { logSeverityScreen: 'loud' },
      'error spec.logSeverityScreen: "loud" is not one of Trace, Debug, Info, Warning, Error, Fatal',
    ],
    [
      { serviceClusterIPs: ['10.96.0.0/12'] },
      'error spec.serviceClusterIPs.0: must be a group of fields, not the text "10.96.0.0/12"',
    ],
    [
      { serviceClusterIPs: [{ cidr: '10.96.0.0/33' }] },
      'error spec.serviceClusterIPs.0.cidr: "10.96.0.0/33" is not an IP prefix such as 10.0.0.0/8',
    ],
    [{ ignoredInterfaces: ['*'] }, 'error spec.ignoredInterfaces.0: must not be "*"'],
    [
      { nodeMeshMaxRestartTime: '2 minutes' },
      'error spec.nodeMeshMaxRestartTime: "2 minutes" is not a duration such as "120s" or "1m30s"',
    ],
    [
      { nodeMeshPassword: { secretKeyRef: { name: 'a' } } },
      'error spec.nodeMeshPassword.secretKeyRef.key: is required',
    ],
    [
      { communities: [{ name: 'a', value: '1:65536' }], prefixAdvertisements: [{ cidr: '10.0.0.0/8' }] },
      'error spec.communities.0.value: "1:65536" is not a community such as "64512:100", or a large one such as "64512:1:100"',
    ],
    [{ asNumer: 64513 }, 'warning spec.asNumer: is not a known field (did you mean "asNumber"?); ignored'],
    [
      { communities: [{ name: 'a', value: '1:2' }] },
      'warning spec.communities: has no effect without prefixAdvertisements',
    ],
    [
      { nodeToNodeMeshEnabled: false, nodeMeshMaxRestartTime: '1m' },
      'warning spec.nodeMeshMaxRestartTime: has no effect while nodeToNodeMeshEnabled is false',
    ],
    [
      { prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['tor'] }] },
      'warning spec.prefixAdvertisements.0.communities.0: "tor" is neither a community nor a name defined under communities; ignored',
    ],
  ])('%j: %s', (spec, problem) => {
    expect(problemsOf('BGPConfiguration', spec)).toEqual([problem]);
  });

  it('keeps its other fields where a newer Calico knows more values of programClusterRoutes', () => {
    const unknown = { programClusterRoutes: 'EnabledVXLANOnly' };
    const words =
      'spec.programClusterRoutes: must be Enabled, Disabled, EnabledIPIPOnly or EnabledNoEncapOnly, not the text "EnabledVXLANOnly"';
    expect(parsedDefault('BGPConfiguration', { asNumber: 64513, ...unknown })).toEqual([
      { asNumber: 64513 },
      `warning ${words}; taken as unset`,
    ]);
    expect(parsedDefault('BGPConfiguration', { asNumber: 0, ...unknown })).toEqual([
      undefined,
      'error spec.asNumber: AS 0 is reserved and can not be used (RFC 7607)',
      `error ${words}`,
    ]);
  });

  it('takes an empty text for no field', () => {
    const spec = { logSeverityScreen: '', localWorkloadPeeringIPV4: '', localWorkloadPeeringIPV6: '' };
    expect(specOf('BGPConfiguration', spec)).toEqual({});
  });

  it('says which fields have no effect for one node', () => {
    expect(problemsOf('BGPConfiguration', { listenPort: 1, asNumber: 5 }, 'node.a')).toEqual([
      'warning spec.asNumber: has an effect only in BGPConfiguration "default"',
    ]);
  });

  it.each(['other', 'node.', 'nodes.a'])('ignores the name %s', (name) => {
    expect(problemsOf('BGPConfiguration', {}, name)).toEqual([
      'warning metadata.name: ignored: only BGPConfigurations named "default" or "node.<node name>" have an effect',
    ]);
  });
});

describe('BGPPeer', () => {
  const defaults = { keepOriginalNextHop: false, sourceAddress: 'UseNodeIP', filters: [], reversePeering: 'Auto' };

  it.each([
    [{ peerIP: '192.0.2.1', asNumber: 64513 }, {}],
    [{ peerIP: '192.0.2.1:1179', asNumber: '64513', node: 'a' }, { asNumber: 64513 }],
    [{ peerIP: '2001:DB8::0:1', asNumber: 64513 }, { peerIP: '2001:db8::1' }],
    [{ peerIP: '[2001:db8::1]:1179', asNumber: 64513, reachableBy: '2001:db8:1::1' }, {}],
    [{ peerIP: '[2001:db8::1]', asNumber: 64513 }, { peerIP: '2001:db8::1' }],
    [{ peerIP: 'fe80::1%eth0', asNumber: 64513, sourceAddress: 'None' }, {}],
    [{ peerSelector: "rr == 'true'", nodeSelector: 'all()', reversePeering: 'Manual' }, {}],
    [{ localWorkloadSelector: "app == 'router'", asNumber: 64513 }, {}],
    [
      {
        peerIP: '192.0.2.1',
        asNumber: 64513,
        localASNumber: 64514,
        nextHopMode: 'Self',
        password: { secretKeyRef: { name: 'a', key: 'b', optional: true } },
        maxRestartTime: '90s',
        keepaliveTime: '30s',
        numAllowedLocalASNumbers: 1,
        ttlSecurity: 1,
        filters: ['a', 'b'],
      },
      {},
    ],
    [
      { peerIP: '', reachableBy: '', peerSelector: 'all()' },
      { peerIP: undefined, reachableBy: undefined },
    ],
    [{ peerIP: '192.0.2.1', asNumber: 64513, node: null, nodeSelector: 'has(a)' }, { node: undefined }],
  ])('reads %j', (spec, canonical) => {
    expect(specOf('BGPPeer', spec)).toEqual({ ...defaults, ...spec, ...canonical });
  });

  const peer = { peerIP: '192.0.2.1', asNumber: 64513 };
  const form =
    'an address with an optional port: 192.0.2.1, 192.0.2.1:179, 2001:db8::1, [2001:db8::1]:179, fe80::1%eth0';

  it.each([
    [{}, 'error spec.peerIP: is required, or else peerSelector or localWorkloadSelector'],
    [{ ...peer, node: 'a', nodeSelector: 'all()' }, 'error spec.nodeSelector: must not be set together with node'],
    [
      { ...peer, peerSelector: 'all()', asNumber: undefined },
      'error spec.peerSelector: must not be set together with peerIP',
    ],
    [
      { ...peer, localWorkloadSelector: 'all()' },
      'error spec.localWorkloadSelector: must not be set together with peerIP',
    ],
    [
      { peerSelector: 'all()', asNumber: 1 },
      'error spec.asNumber: must not be set together with peerSelector, because the AS number of a node is its own',
    ],
    [{ peerIP: '192.0.2.1' }, 'error spec.asNumber: is required with peerIP'],
    [{ localWorkloadSelector: 'all()' }, 'error spec.asNumber: is required with localWorkloadSelector'],
    [{ asNumber: 1, peerIP: '192.0.2.1:0' }, `error spec.peerIP: "192.0.2.1:0" is not ${form}`],
    [{ asNumber: 1, peerIP: 'tor.example' }, `error spec.peerIP: "tor.example" is not ${form}`],
    [{ asNumber: 1, peerIP: 'fe80::1' }, `error spec.peerIP: "fe80::1" is not ${form}`],
    [{ asNumber: 1, peerIP: '2001:db8::1%eth0' }, `error spec.peerIP: "2001:db8::1%eth0" is not ${form}`],
    [{ asNumber: 1, peerIP: '[192.0.2.1]:179' }, `error spec.peerIP: "[192.0.2.1]:179" is not ${form}`],
    [
      { ...peer, nextHopMode: 'Keep', keepOriginalNextHop: true },
      'error spec.nextHopMode: must not be set together with keepOriginalNextHop',
    ],
    [{ ...peer, reachableBy: '2001:db8::1' }, 'error spec.reachableBy: must be of the same address family as peerIP'],
    [{ peerSelector: 'all()', reachableBy: '192.0.2.1' }, 'error spec.reachableBy: needs peerIP'],
    [{ ...peer, ttlSecurity: 256 }, 'error spec.ttlSecurity: must be at most 255, not 256'],
    [{ ...peer, ttlSecurity: 1.5 }, 'error spec.ttlSecurity: must be a whole number, not 1.5'],
    [{ ...peer, filters: 'a' }, 'error spec.filters: must be a list, not the text "a"'],
    [{ ...peer, keepaliveTime: '-1s' }, 'error spec.keepaliveTime: "-1s" is not a duration such as "120s" or "1m30s"'],
    [
      { ...peer, nodeSelector: 'rack =' },
      'error spec.nodeSelector: selector: expected ==, !=, in, not in, contains, starts with or ends with at character 6 of "rack ="',
    ],
  ])('%j: %s', (spec, problem) => {
    expect(problemsOf('BGPPeer', spec)).toEqual([problem]);
  });
});

describe('BGPFilter', () => {
  it('reads every field', () => {
    const rule = {
      cidr: '10.0.0.0/8',
      prefixLength: { min: 16, max: 24 },
      matchOperator: 'In',
      source: 'RemotePeers',
      interface: '*.calico',
      peerType: 'eBGP',
      communities: { values: ['64512:100'] },
      asPathPrefix: [64513],
      priority: 1024,
      action: 'Accept',
      operations: [
        { addCommunity: { value: '64512:1:2' } },
        { prependASPath: { prefix: [64512, 64512] } },
        { setPriority: { value: 512 } },
      ],
    };
    const spec = { exportV4: [rule], importV4: [{ action: 'Reject' }], importV6: [{ ...rule, cidr: '2001:db8::/32' }] };
    expect(specOf('BGPFilter', spec)).toEqual({ ...spec, exportV6: [] });
  });

  it.each([
    [
      { action: 'Accept', cidr: '10.0.0.0/8', matchOperator: 'in' },
      'matchOperator: must be Equal, NotEqual, In or NotIn, not the text "in" (did you mean "In"?)',
    ],
    [{ action: 'accept' }, 'action: must be Accept or Reject, not the text "accept" (did you mean "Accept"?)'],
    [{}, 'action: is required'],
    [{ action: 'Accept', cidr: '10.0.0.0/8' }, 'matchOperator: is required with cidr'],
    [{ action: 'Accept', matchOperator: 'In' }, 'cidr: is required with matchOperator'],
    [{ action: 'Accept', prefixLength: { min: 8 } }, 'cidr: is required with prefixLength'],
    [
      { action: 'Accept', cidr: 'fd00::/8', matchOperator: 'In' },
      'cidr: "fd00::/8" is not an IPv4 prefix such as 10.0.0.0/8',
    ],
    [
      { action: 'Accept', cidr: '10.0.0.0/8', matchOperator: 'In', prefixLength: { min: 33 } },
      'prefixLength.min: must be at most 32, not 33',
    ],
    [
      { action: 'Accept', cidr: '10.0.0.0/8', matchOperator: 'In', prefixLength: { min: 24, max: 16 } },
      'prefixLength: min 24 is greater than max 16',
    ],
    [
      { action: 'Accept', communities: { values: ['1:2', '3:4'] } },
      'communities.values: must have exactly 1 item, not 2',
    ],
    [{ action: 'Accept', priority: 0 }, 'priority: must be at least 1, not 0'],
    [
      { action: 'Accept', interface: 'a-name-that-is-too-long' },
      'interface: "a-name-that-is-too-long" is not an interface name or glob of 1 to 15 letters, digits, ".", "_", "-" or "*"',
    ],
    [
      { action: 'Reject', operations: [{ setPriority: { value: 1 } }] },
      'operations: are possible only with action Accept',
    ],
    [
      { action: 'Accept', operations: [{}] },
      'operations.0: must have exactly one of addCommunity, prependASPath, setPriority',
    ],
    [{ action: 'Accept', source: 'Peers' }, 'source: must be RemotePeers, not the text "Peers"'],
  ])('%j: %s', (rule, problem) => {
    expect(problemsOf('BGPFilter', { importV4: [rule] })).toEqual([`error spec.importV4.0.${problem}`]);
  });
});

it('BGPFilter: an empty condition is none', () => {
  const rule = { cidr: '', matchOperator: '', source: '', interface: '', peerType: '', asPathPrefix: [] };
  expect(specOf('BGPFilter', { importV4: [{ ...rule, action: 'Accept' }] })).toMatchObject({
    importV4: [{ action: 'Accept' }],
  });
  expect(problemsOf('BGPFilter', { importV4: [{ ...rule, action: 'Accept', cidr: '10.0.0.0/8' }] })).toEqual([
    'error spec.importV4.0.matchOperator: is required with cidr',
  ]);
});

describe('IPPool', () => {
  const defaults = {
    vxlanMode: 'Never',
    ipipMode: 'Never',
    natOutgoing: false,
    disabled: false,
    disableBGPExport: false,
    nodeSelector: 'all()',
    allowedUses: ['Workload', 'Tunnel'],
    assignmentMode: 'Automatic',
  };

  it.each([
    [{ cidr: '10.244.0.0/16' }, { blockSize: 26 }],
    [{ cidr: 'fd00:10::/48', vxlanMode: 'Always' }, { blockSize: 122 }],
    [{ cidr: '10.244.0.0/16', ipipMode: 'CrossSubnet', blockSize: 24, disableBGPExport: true }, {}],
    [{ cidr: '10.244.0.0/16', allowedUses: ['LoadBalancer'], assignmentMode: 'Manual' }, { blockSize: 26 }],
    [{ cidr: '10.244.0.0/16', nodeSelector: "rack == 'a'", namespaceSelector: 'all()' }, { blockSize: 26 }],
  ])('reads %j', (spec, more) => {
    expect(specOf('IPPool', spec)).toEqual({ ...defaults, ...spec, ...more });
  });

  it.each([
    [{}, 'cidr: is required'],
    [{ cidr: '10.244.0.1/16' }, 'cidr: has bits set beyond its length; the prefix is 10.244.0.0/16'],
    [{ cidr: '10.244.0.0' }, 'cidr: "10.244.0.0" is not an IP prefix such as 10.0.0.0/8'],
    [{ cidr: '169.254.7.0/24' }, 'cidr: must not overlap link-local addresses (169.254.0.0/16, fe80::/10)'],
    [{ cidr: '10.244.0.0/16', blockSize: 19 }, 'blockSize: must be 20 to 32, not 19'],
    [{ cidr: '10.244.0.0/24', blockSize: 20 }, 'blockSize: blocks of /20 do not fit into 10.244.0.0/24'],
    [{ cidr: 'fd00::/48', blockSize: 26 }, 'blockSize: must be 116 to 128, not 26'],
    [
      { cidr: '10.244.0.0/16', ipipMode: 'Always', vxlanMode: 'Always' },
      'vxlanMode: must be Never where ipipMode is not',
    ],
    [{ cidr: 'fd00::/48', ipipMode: 'Always' }, 'ipipMode: must be Never in an IPv6 pool'],
    [
      { cidr: '10.244.0.0/16', allowedUses: ['LoadBalancer', 'Workload'] },
      'allowedUses: LoadBalancer must stand alone',
    ],
    [
      { cidr: '10.244.0.0/16', allowedUses: ['LoadBalancer'], nodeSelector: 'has(a)' },
      'nodeSelector: must be all() with allowedUses LoadBalancer',
    ],
    [
      { cidr: '10.244.0.0/16', allowedUses: ['LoadBalancer'], disableBGPExport: true },
      'disableBGPExport: must be false with allowedUses LoadBalancer',
    ],
    [
      { cidr: '10.244.0.0/16', allowedUses: ['LoadBalancer'], vxlanMode: 'Always' },
      'vxlanMode: must be Never with allowedUses LoadBalancer',
    ],
  ])('%j: %s', (spec, problem) => {
    expect(problemsOf('IPPool', spec)).toEqual([`error spec.${problem}`]);
  });
});

describe('BlockAffinity', () => {
  const confirmed = { state: 'confirmed', node: 'a', type: 'host', cidr: '10.244.0.0/26', deleted: false };

  it.each([
    [{ node: 'a', cidr: '10.244.0.0/26' }, { state: '' }],
    [{ ...confirmed, type: '', deleted: 'false' }, {}],
    [{ ...confirmed, deleted: 'true' }, { deleted: true }],
    [{ ...confirmed, deleted: true }, { deleted: true }],
    [
      { ...confirmed, type: 'virtual', state: 'pendingDeletion' },
      { type: 'virtual', state: 'pendingDeletion' },
    ],
  ])('reads %j', (spec, different) => {
    expect(specOf('BlockAffinity', spec)).toEqual({ ...confirmed, ...different });
  });

  it.each([
    [{ ...confirmed, node: '' }, 'node: must not be empty'],
    [{ ...confirmed, cidr: undefined }, 'cidr: is required'],
    [{ ...confirmed, state: 'gone' }, 'state: must be confirmed, pending, pendingDeletion or "", not the text "gone"'],
    [{ ...confirmed, deleted: 'yes' }, 'deleted: must be true or false, not the text "yes"'],
  ])('%j: %s', (spec, problem) => {
    expect(problemsOf('BlockAffinity', spec)).toEqual([`error spec.${problem}`]);
  });
});

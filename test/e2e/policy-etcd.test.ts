/** Policies in etcd as Calico writes them: for containers by Kubernetes' controllers, and for OpenStack's virtual machines. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startEtcd } from '../support/etcd.ts';
import type { Etcd } from '../support/etcd.ts';
import type { Manifest } from '../support/kube-api.ts';
import { relayPort } from '../support/namespace-relay.ts';
import type { Probe } from '../support/policy-prober.ts';
import { createScratch } from '../support/scratch.ts';
import type { Scratch } from '../support/scratch.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { TestAgent } from './policy-agent.ts';
import { POLICY_NEEDS, PolicyNetwork, interfaceOf, pod } from './policy-network.ts';
import type { TestPod } from './policy-network.ts';
import { NODE, calico } from './policy-resources.ts';

const missing = missingHere({ ...POLICY_NEEDS, programs: [...POLICY_NEEDS.programs, 'etcd'] });

const POD_A = pod('x/a', 2);
const POD_B = pod('x/b', 3);
const POD_C = pod('x/c', 4);
const vm = (name: string, number: number): TestPod => ({
  ...pod(`openstack/${name}`, number),
  interfaceName: `tap${name}`,
});
const WEB = vm('web', 17);
const CLIENT = vm('client', 18);
const OTHER = vm('other', 19);

/** The last parts of keys. */
const PLURALS: Readonly<Record<string, string>> = {
  WorkloadEndpoint: 'workloadendpoints',
  NetworkPolicy: 'networkpolicies',
  Profile: 'profiles',
  FelixConfiguration: 'felixconfigurations',
  ClusterInformation: 'clusterinformations',
};

function key({ kind, metadata: { name, namespace } }: Manifest): string {
  const place = namespace === undefined ? name : `${namespace}/${name}`;
  return `/calico/resources/v3/projectcalico.org/${PLURALS[kind]}/${place}`;
}

const doubled = (text: string) => text.replaceAll('-', '--');

/** A pod as the network plug-in writes it. */
function podEndpoint(one: TestPod): Manifest {
  const [namespace, name] = one.name.split('/');
  return calico(
    'WorkloadEndpoint',
    `${namespace}/${doubled(NODE)}-k8s-${doubled(name)}-eth0`,
    {
      node: NODE,
      orchestrator: 'k8s',
      pod: name,
      endpoint: 'eth0',
      containerID: '1337495556942031415926535',
      interfaceName: interfaceOf(one),
      ipNetworks: [`${one.addresses[0]}/32`, `${one.addresses[1]}/128`],
      profiles: [`kns.${namespace}`, `ksa.${namespace}.default`],
    },
    { labels: { pod: name, 'projectcalico.org/namespace': namespace, 'projectcalico.org/orchestrator': 'k8s' } },
  );
}

/** A virtual machine in these security groups, as Calico's driver for OpenStack writes it. */
function vmEndpoint(one: TestPod, ...groups: readonly string[]): Manifest {
  const [namespace, name] = one.name.split('/');
  const labels = groups.map((id) => [`sg.projectcalico.org/openstack-${id}`, `name-of-${id}`]);
  return calico(
    'WorkloadEndpoint',
    `${namespace}/${doubled(NODE)}-openstack-${doubled(`vm-${name}`)}-port`,
    {
      node: NODE,
      orchestrator: 'openstack',
      workload: `vm-${name}`,
      endpoint: 'port',
      interfaceName: one.interfaceName,
      mac: 'fa:16:3e:00:00:01',
      ipNetworks: [`${one.addresses[0]}/32`, `${one.addresses[1]}/128`],
      allowedIps: [],
      ipv4Gateway: '10.65.0.1',
    },
    {
      labels: {
        ...Object.fromEntries(labels),
        'projectcalico.org/namespace': namespace,
        'projectcalico.org/orchestrator': 'openstack',
        'projectcalico.org/openstack-project-id': '1234',
      },
    },
  );
}

/** A security group, as Calico's driver for OpenStack writes it: without types or order. */
function securityGroup(id: string, ingress: readonly object[], egress: readonly object[]): Manifest {
  const selector = `has(sg.projectcalico.org/openstack-${id})`;
  return calico('NetworkPolicy', `openstack/ossg.default.${id}`, { selector, ingress, egress });
}

const member = (id: string) => ({ selector: `has(sg.projectcalico.org/openstack-${id})` });
const anywhere = [4, 6].map((ipVersion) => ({ action: 'Allow', ipVersion }));

/** Takes HTTP from group `clients`, and pings. */
const WEB_GROUP = securityGroup(
  'web',
  [4, 6].flatMap((ipVersion) => [
    { action: 'Allow', ipVersion, protocol: 'tcp', source: member('clients'), destination: { ports: [80] } },
    { action: 'Allow', ipVersion, protocol: ipVersion === 4 ? 'icmp' : 'icmpv6' },
  ]),
  anywhere,
);
const CLIENTS_GROUP = securityGroup('clients', [], anywhere);
/** No rule for egress is no egress. */
const SHUT_GROUP = securityGroup('shut', anywhere, []);

const CLUSTER: readonly Manifest[] = [
  calico('ClusterInformation', 'default', { clusterType: 'k8s,openstack', datastoreReady: true }),
  calico('FelixConfiguration', 'default', { interfacePrefix: 'cali,tap' }),
  calico('Profile', 'kns.x', {
    ingress: [{ action: 'Allow' }],
    egress: [{ action: 'Allow' }],
    labelsToApply: { 'pcns.kubernetes.io/metadata.name': 'x', 'pcns.projectcalico.org/name': 'x' },
  }),
  calico('Profile', 'ksa.x.default', { labelsToApply: { 'pcsa.projectcalico.org/name': 'default' } }),
  ...[POD_A, POD_B, POD_C].map(podEndpoint),
  calico('NetworkPolicy', 'x/knp.default.only-b', {
    order: 1000,
    selector: "projectcalico.org/orchestrator == 'k8s' && pod == 'a'",
    types: ['Ingress'],
    ingress: [{ action: 'Allow', source: { selector: "projectcalico.org/orchestrator == 'k8s' && pod == 'b'" } }],
  }),
  vmEndpoint(WEB, 'web'),
  vmEndpoint(CLIENT, 'clients'),
  vmEndpoint(OTHER, 'shut'),
  WEB_GROUP,
  CLIENTS_GROUP,
  SHUT_GROUP,
];

let scratch: Scratch;
let etcd: Etcd;
let network: PolicyNetwork;
let agent: TestAgent;
let relay: AsyncDisposable | undefined;

beforeAll(async () => {
  if (missing !== undefined) return;
  scratch = createScratch('policy-etcd');
  network = new PolicyNetwork([POD_A, POD_B, POD_C, WEB, CLIENT, OTHER]);
  etcd = await startEtcd({ directory: scratch.path });
  await etcd.putAll(Object.fromEntries(CLUSTER.map((one) => [key(one), one])));
  relay = await relayPort(etcd.port, network.node);
  agent = new TestAgent(network.node, { datastore: { type: 'etcd', etcd: { endpoints: [etcd.url] }, cache: '' } });
  await agent.start();
});

afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await relay?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
  network?.[Symbol.dispose]();
  scratch?.[Symbol.dispose]();
});

beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
});

function probe(from: string, to: string, protocol: Probe['protocol'], passes: boolean, port = 80): Probe[] {
  return ([4, 6] as const).map((version) => ({ from, to, protocol, port, version, passes }));
}

const put = (...all: readonly Manifest[]) => etcd.putAll(Object.fromEntries(all.map((one) => [key(one), one])));

/** What the policies in etcd let pass. */
const AS_WRITTEN = [
  ...probe(POD_B.name, POD_A.name, 'tcp', true),
  ...probe(POD_C.name, POD_A.name, 'tcp', false),
  ...probe(POD_A.name, POD_C.name, 'udp', true),
  ...probe(CLIENT.name, WEB.name, 'tcp', true),
  ...probe(CLIENT.name, WEB.name, 'tcp', false, 81),
  ...probe(CLIENT.name, WEB.name, 'udp', false),
  ...probe(POD_A.name, WEB.name, 'tcp', false),
  ...probe(POD_A.name, WEB.name, 'icmp', true),
  ...probe(WEB.name, CLIENT.name, 'tcp', false),
  ...probe(WEB.name, OTHER.name, 'udp', true),
  ...probe(OTHER.name, 'outside', 'tcp', false),
  ...probe(CLIENT.name, 'outside', 'tcp', true),
];

describe('with etcd', () => {
  it('pods have the policies that controllers wrote, and virtual machines their security groups', async () => {
    expect(await network.prober.wrong(AS_WRITTEN)).toEqual([]);
    // Of its host a machine may ask for names.
    expect(
      await network.prober.wrong([
        ...probe(CLIENT.name, 'node', 'udp', true, 53),
        ...probe(CLIENT.name, 'node', 'tcp', false),
      ]),
    ).toEqual([]);
  });

  it('a virtual machine that has no address yet may ask for one', async () => {
    network.inPod(OTHER.name, 'ip -4 address flush dev eth0', 'ip route add 255.255.255.255 dev eth0');
    const asks = (sourcePort: number, passes: boolean): Probe => ({
      from: OTHER.name,
      to: '255.255.255.255',
      protocol: 'udp',
      sourcePort,
      port: 67,
      passes,
    });
    expect(await network.prober.wrong([asks(68, true), asks(69, false)])).toEqual([]);
    network.inPod(
      OTHER.name,
      'ip route del 255.255.255.255 dev eth0',
      `ip address add ${OTHER.addresses[0]}/32 dev eth0`,
      'ip route replace 169.254.1.1 dev eth0 scope link',
      'ip route replace default via 169.254.1.1',
    );
    expect(await network.prober.wrong(AS_WRITTEN)).toEqual([]);
  });

  it('changes count: of groups, of who is in them, and of who goes', async () => {
    await put(vmEndpoint(OTHER, 'clients'));
    expect(
      await network.prober.wrongAtLast([
        ...probe(OTHER.name, WEB.name, 'tcp', true),
        ...probe(OTHER.name, WEB.name, 'udp', false),
      ]),
    ).toEqual([]);
    await put(vmEndpoint(OTHER));
    expect(
      await network.prober.wrongAtLast([
        ...probe(OTHER.name, WEB.name, 'tcp', false),
        ...probe(WEB.name, OTHER.name, 'udp', false),
      ]),
    ).toEqual([]);
    await put(vmEndpoint(OTHER, 'shut'));
    await etcd.delete(key(WEB_GROUP));
    expect(
      await network.prober.wrongAtLast([
        ...probe(CLIENT.name, WEB.name, 'tcp', false),
        ...probe(WEB.name, 'outside', 'tcp', false),
      ]),
    ).toEqual([]);
    await put(WEB_GROUP);
    expect(await network.prober.wrongAtLast(AS_WRITTEN)).toEqual([]);
  });

  it('rules stay while it is away, and what changed counts when it is back', async () => {
    await etcd.kill();
    await waitFor(() => agent.status(), { what: 'etcd to be missed', accept: ({ problems }) => problems.length > 0 });
    expect(await network.prober.wrong(AS_WRITTEN)).toEqual([]);
    await etcd.restart();
    await etcd.delete(key(podEndpoint(POD_B)));
    expect(
      await network.prober.wrongAtLast([
        ...probe(POD_B.name, POD_A.name, 'tcp', false),
        ...probe(POD_A.name, POD_C.name, 'tcp', true),
      ]),
    ).toEqual([]);
    await waitFor(() => agent.status(), {
      what: 'nothing to be wrong',
      accept: ({ problems }) => problems.length === 0,
    });
  });
});

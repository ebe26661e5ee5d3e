import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { CliWorld, runCli } from '../../../test/support/cli-world.ts';
import { FakeAgentView, agentEvent } from '../../../test/support/fake-agent-view.ts';
import {
  AGENT_HEALTHY,
  PACKET_EXPLANATION,
  POLICIES,
  REMOTE,
  WEB,
  policy,
} from '../../../test/support/fake-policies.ts';

let world: CliWorld<FakeAgentView>;
let agent: FakeAgentView;

beforeEach(async () => {
  agent = new FakeAgentView();
  world = await CliWorld.startAgent(agent);
});

afterEach(() => world[Symbol.asyncDispose]());

const starling = (...argv: readonly string[]) => world.starling('policy', ...argv);
const output = (...argv: readonly string[]) => world.output('policy', ...argv);

describe('starling policy status', () => {
  it('is one screen', async () => {
    expect(await output('status')).toBe(`node-1
starling-policyd 0.1.0, up 1h00m (since 2026-01-02T02:04:05.000Z)

Endpoints  2 workloads and 1 HostEndpoint on this node, 120 known in all
Policies   3 policies, 2 for endpoints of this node; 4 tiers, 6 profiles
Kernel     in sync, table inet starling_policy, last changed 5s ago
           4 sets of addresses and ports, 31 members
Datastore  file, synced for 59m59s

Nothing is wrong.
`);
    expect(JSON.parse(await output('status', '-o', 'json'))).toEqual(AGENT_HEALTHY);
  });

  it('says what is wrong', async () => {
    const lastError = { words: 'nft is not installed', at: AGENT_HEALTHY.started };
    agent.statusReport = {
      ...AGENT_HEALTHY,
      ruleset: { ...AGENT_HEALTHY.ruleset, inSync: false, appliedAt: null, lastError },
      problems: ['The rules are not in the kernel.'],
    };
    const text = await output('status');
    expect(text).toContain('not in sync, table inet starling_policy, nothing written yet; 1h00m ago: nft is not');
    expect(text).toMatch(/What is wrong:\n {2}- The rules are not in the kernel\.\n$/);
  });

  it('tells the agent from the daemon, however it is reached', async () => {
    const { socket, server } = world;
    const host = `http://127.0.0.1:${server.port}`;
    expect(await runCli(['status', '--socket', socket])).toMatchObject({
      code: 2,
      out: '',
      err: `starling: starling-policyd answers on ${socket}, and this command asks starlingd: name its own place with --socket PATH\n`,
    });
    expect(await runCli(['events', '--follow', '--host', host])).toMatchObject({
      code: 2,
      err: `starling: starling-policyd answers on ${host}, and this command asks starlingd: name its own place with --host URL, such as http://10.0.0.1:8179\n`,
    });
    expect(await runCli(['policy', 'status', '--host', host])).toMatchObject({ code: 0, err: '' });
  });

  it('says which process does not run, and how to start it', async () => {
    const environment = { STARLING_POLICY_SOCKET: '/nowhere/s' };
    const { code, err } = await runCli(['policy', 'status'], { environment });
    expect([code, err]).toEqual([
      1,
      'starling: starling-policyd does not run, or not with the socket /nowhere/s: there is no such socket\n' +
        'start it with "systemctl start starling-policyd" or "starling-policyd --config FILE"; name another socket with --policy-socket PATH\n',
    ]);
    expect((await runCli(['policy', 'status'])).err).toContain('/run/starling/starling-policyd.sock');
    expect((await runCli(['policy', 'list', '--policy-socket', '/a/b'])).err).toContain('with the socket /a/b');
  });

  it('reaches agents elsewhere, and never the socket of the daemon', async () => {
    const host = `127.0.0.1:${world.server.port}`;
    expect((await runCli(['--host', host, 'policy', 'status'])).code).toBe(0);
    expect(await runCli(['--host', '127.0.0.1:1', 'policy', 'status'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/can't reach starling-policyd on .*: connection refused\ncheck policy\.http /),
    });
    expect(await starling('status', '--socket', world.socket)).toMatchObject({
      code: 2,
      err: expect.stringContaining('that of the policy agent is --policy-socket'),
    });
  });
});

describe('starling policy list', () => {
  it('is a line a policy in the order in which they are asked', async () => {
    expect(await output('list')).toBe(
      `TIER      ORDER  KIND                 POLICY    DIRECTIONS      ENDPOINTS  SELECTOR                                  PROBLEMS
security     10  GlobalNetworkPolicy  baseline  ingress,egress          3  all()                                     -
default       -  NetworkPolicy        shop/web  ingress                 1  app == "web" && projectcalico.org/names…  1 warning
`,
    );
    const wide = await output('list', '-o', 'wide', '--no-headers');
    expect(wide).toMatch(/^default .* normal +2\/0 .*the rule matches nothing$/m);
    expect(parseYaml(await output('list', '-o', 'yaml'))).toEqual({ policies: POLICIES });
  });

  it('names tiers that are missing, and says that there are no policies', async () => {
    agent.policyList = [policy('a', { tier: { name: 'x', exists: false, order: null, defaultAction: 'Deny' } })];
    expect(await output('list')).toContain('\nx (missing)  ');
    agent.policyList = [];
    expect(await starling('list')).toEqual({ code: 0, out: '', err: 'no policies\n' });
  });
});

describe('starling policy explain', () => {
  const ask = ['explain', '10.65.1.7', 'shop/web-1', 'tcp', '80'];

  it('says the verdict, the ends, and who decides and enforces', async () => {
    expect(await output(...ask)).toBe(`Denied: the ingress of shop/web-1 denies it.

Packet  IPv4 tcp port 80
From    10.65.1.7, workload shop/client on node-2
        in GlobalNetworkSet pods
To      10.65.0.2, workload shop/web-1 on this node at cali1

Egress of shop/client, enforced by node-2: allowed
  Profile kns.shop allows it by its rule egress[0].

Ingress of shop/web-1, enforced by node-1: denied
  Tier default ends with Deny.

Notes
  - shop/client is on node-2: what is told of it is what the datastore says, not what that node has in its kernel.
`);
    expect(agent.questions).toEqual([
      { source: '10.65.1.7', destination: 'shop/web-1', protocol: 6, destinationPort: 80 },
    ]);
    expect(JSON.parse(await output(...ask, '-o', 'json'))).toEqual(PACKET_EXPLANATION);
  });

  it('says what was looked at, where that is wanted', async () => {
    const trail =
      '\n    Tier default, NetworkPolicy shop/web, rule 0 (Allow) does not match: the protocol is not UDP.\n';
    expect(await output(...ask, '--trail')).toContain(trail);
    expect(await output(...ask, '-o', 'wide')).toContain(trail);
  });

  it('exits with 1 unless the verdict is as expected', async () => {
    expect(await starling(...ask, '--expect', 'deny')).toMatchObject({ code: 0, err: '' });
    const { code, err } = await starling(...ask, '--expect', 'allow');
    expect([code, err]).toEqual([1, 'starling: expected: allow; but the ingress of shop/web-1 denies it.\n']);
  });

  it('takes ICMP types and codes, and other protocols', async () => {
    await output('explain', 'a/b', 'cali1', 'icmp');
    await output('explain', 'a/b', 'cali1', 'ICMP', '3/1');
    await output('explain', 'a/b', 'cali1', '47');
    await output('explain', 'a/b', 'cali1', 'udp', '53', '--source-port', '1024');
    const ends = { source: 'a/b', destination: 'cali1' };
    expect(agent.questions).toEqual([
      { ...ends, protocol: 1 },
      { ...ends, protocol: 1, icmp: { type: 3, code: 1 } },
      { ...ends, protocol: 47 },
      { ...ends, protocol: 17, destinationPort: 53, sourcePort: 1024 },
    ]);
  });

  it.each<[argv: string[], words: RegExp]>([
    [['a/b', 'a/c', 'tcp'], /tcp needs a destination port/],
    [['a/b', 'a/c', 'tcp', 'http'], /PORT takes a port number up to 65535, not "http"/],
    [['a/b', 'a/c', 'tcp', '70000'], /PORT takes a port number up to 65535, not "70000"/],
    [['a/b', 'a/c', 'tcp', '80', '--source-port', 'x'], /--source-port takes a port number up to 65535, not "x"/],
    [['a/b', 'a/c', 'icmp', '8/0/1'], /PORT takes an ICMP type, or TYPE\/CODE/],
    [['a/b', 'a/c', 'icmp', '256'], /PORT takes an ICMP type, or TYPE\/CODE, each from 0 to 255, not "256"/],
    [['a/b', 'a/c', 'icmp', '8/'], /PORT takes an ICMP type, or TYPE\/CODE/],
    [['a/b', 'a/c', 'ipip', '1'], /"ipip" is no protocol: tcp, udp/],
    [['a/b', 'a/c', '47', '1'], /packets of protocol 47 have no ports/],
    [['a/b', 'a/c'], /missing required argument 'PROTOCOL'/],
  ])('refuses %j', async (argv, words) => {
    expect(await starling('explain', ...argv)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(words) });
  });

  it('exits with 1 where there is no such endpoint', async () => {
    const { code, err } = await starling('explain', 'shop/nobody', '10.0.0.1', 'tcp', '1');
    expect([code, err]).toEqual([1, 'starling: there is no endpoint shop/nobody\n']);
  });
});

describe('starling policy endpoints', () => {
  it('lists those of this node, or all', async () => {
    expect(await output('endpoints')).toBe(
      `ENDPOINT    INTERFACE  ADDRESSES           INGRESS                                 EGRESS
shop/web-1  cali1      10.65.0.2, fd00::2  shop/web, shop/api, shop/db and 1 more  profile kns.shop
`,
    );
    const all = await output('endpoints', '--all', '-o', 'wide');
    expect(all).toContain('shop/web, shop/api, shop/db, shop/all');
    expect(all).toMatch(
      /^shop\/client +- +10\.65\.1\.7 +- +- +workload +node-2 +kns\.shop,ksa\.shop\.web +app=web,pcns/m,
    );
    expect(JSON.parse(await output('endpoints', '--all', '-o', 'json'))).toEqual({ endpoints: [WEB, REMOTE] });
    agent.endpointList = [];
    expect(await starling('endpoints')).toEqual({ code: 0, out: '', err: 'no endpoints\n' });
  });

  it('says all about one', async () => {
    expect(await output('endpoints', '10.65.0.2')).toBe(`shop/web-1  workload on node-1, interface cali1
  resource   Pod shop/web-1
  addresses  10.65.0.2, fd00::2
  ports      http: tcp 8080
  labels     app=web
  inherited  pcns.team=a
  profiles   kns.shop
             ksa.shop.web: does not exist, and lets nothing pass
  ingress    4 policies in 1 tier.
             tier default: shop/web, shop/api, shop/db, shop/all; then deny
             profiles: kns.shop
  egress     No policy is for it.
             profiles: kns.shop
`);
  });

  it('says of one that is not enforced why', async () => {
    agent.endpointList = [{ ...WEB, local: { interface: 'cali1', up: true, problem: 'cali1 is taken' } }];
    expect(await output('endpoints')).toContain('shop/web-1  cali1 (not enforced)  10.65.0.2');
    expect(await output('endpoints', 'shop/web-1')).toMatch(/^ {2}not enforced +cali1 is taken$/m);
  });

  it('exits with 1 where there is none of the name', async () => {
    expect(await starling('endpoints', 'shop/client')).toMatchObject({
      code: 1,
      err: expect.stringContaining(
        'no endpoint of this node has the name, interface or address shop/client; --all looks',
      ),
    });
    expect((await starling('endpoints', 'shop/client', '--all')).code).toBe(0);
    expect((await starling('endpoints', 'x', '--all')).err).toBe(
      'starling: no endpoint has the name, interface or address x\n',
    );
  });
});

describe('starling policy events and shutdown', () => {
  it('ask the agent', async () => {
    expect(JSON.parse(await output('events', '-o', 'json'))).toEqual({ events: [agentEvent(1), agentEvent(2)] });
    expect(await output('shutdown')).toBe('done: shutdown false\n');
    await output('shutdown', '--for-good');
    expect(agent.actions).toEqual([
      ['shutdown', false],
      ['shutdown', true],
    ]);
  });
});

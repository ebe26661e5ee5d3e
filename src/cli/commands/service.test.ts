import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { CliWorld } from '../../../test/support/cli-world.ts';
import { FakeDaemonView } from '../../../test/support/fake-daemon-view.ts';
import { RULE, SERVICES, SERVICE_EXPLANATION, service, serviceAddress } from '../../../test/support/fake-services.ts';

let world: CliWorld;
let daemon: FakeDaemonView;

beforeEach(async () => {
  daemon = new FakeDaemonView();
  world = await CliWorld.start(daemon);
});

afterEach(() => world[Symbol.asyncDispose]());

const starling = (...argv: readonly string[]) => world.starling('service', ...argv);

describe('starling service list', () => {
  it('is a line an address, in order, with the reason', async () => {
    expect(await starling('list')).toEqual({
      code: 0,
      out: `SERVICE           ADDRESS       KIND            ADVERTISED  WHY
default/headless  -             -               no          it has no address
shop/api          203.0.113.11  LoadBalancerIP  waiting     It waits for a ready IPv4 endpoint on this node.
shop/web          203.0.113.10  LoadBalancerIP  yes         2 ready endpoints are on this node.
shop/web          10.96.0.10    ClusterIP       by range    The range 10.96.0.0/12 of serviceClusterIPs is advertised.
`,
      err: '',
    });
    const words = 'It waits for 10.0.0.1. It is in a range.';
    daemon.serviceList = [service('shop/api', [serviceAddress('203.0.113.11', { state: 'no', words })])];
    expect((await starling('list')).out).toMatch(/ no +It waits for 10\.0\.0\.1\.$/m);
    expect((await starling('list', '-o', 'wide')).out).toContain(words);
    daemon.serviceList = SERVICES;
    expect((await starling('list', '-o', 'wide', '--no-headers', '--advertised')).out).toMatch(
      /^shop\/web +203\.0\.113\.10 +LoadBalancerIP +yes +LoadBalancer +203\.0\.113\.10\/32 +ServiceAdvertisement "rack-a" +2 ready/,
    );
  });

  it('is narrowed as asked', async () => {
    const names = async (...argv: readonly string[]): Promise<string[]> => {
      const { services } = JSON.parse((await starling('list', '-o', 'json', ...argv)).out) as {
        services: typeof SERVICES;
      };
      return services.map(({ name }) => name);
    };
    expect(await names('--namespace', 'shop')).toEqual(['api', 'web']);
    expect(await names('-n', 'shop', '--advertised')).toEqual(['web']);
    expect(await names('--not-advertised')).toEqual(['headless', 'api']);
    expect(await starling('list', '-n', 'nowhere')).toEqual({ code: 0, out: '', err: 'no such services\n' });
    expect((await starling('list', '--advertised', '--not-advertised')).code).toBe(2);
  });

  it('gives more than a page in the order of the daemon, as YAML too', async () => {
    daemon.sliceSize = 1000;
    daemon.serviceList = Array.from({ length: 10_050 }, (_, i) => service(`ns/s${i}`, [serviceAddress('10.0.0.1')]));
    const lines = (await starling('list')).out.trimEnd().split('\n');
    expect([lines.length, lines[10_050]]).toEqual([10_051, expect.stringMatching(/^ns\/s10049 /)]);
    daemon.serviceList = SERVICES.slice(0, 1);
    expect(parseYaml((await starling('list', '-o', 'yaml')).out)).toEqual({ services: daemon.serviceList });
    daemon.serviceList = [];
    expect(await starling('list', '-o', 'yaml')).toEqual({ code: 0, out: 'services: []\n', err: 'no services\n' });
  });
});

describe('starling service explain', () => {
  it('says first what is advertised, then to whom, then why', async () => {
    expect((await starling('explain', 'shop/web')).out).toBe(`shop/web (LoadBalancer): 2 of 2 addresses advertised.

203.0.113.10  LoadBalancerIP  advertised as 203.0.113.10/32
  why      2 ready endpoints are on this node.
  rule     ServiceAdvertisement "rack-a"
  told to  10.0.0.254 (tor-a)  as primary, MED 10, AS path 64512, communities 64512:1
  not to   fe80::2%eth0 (node-2)  ServiceAdvertisement "rack-a" does not pick this peer

10.96.0.10  ClusterIP  advertised as part of 10.96.0.0/12
  why      The range 10.96.0.0/12 of serviceClusterIPs is advertised.
  rule     BGPConfiguration "default"
  told to  10.0.0.254 (tor-a)  as primary, MED 0, AS path 64512

Endpoints
  FAMILY  THIS NODE                                      THIS ZONE                                      CLUSTER
  IPv4    2 of 3 ready, 1 terminating and still serving  4 of 6 ready, 1 terminating and still serving  9 of 12 ready

Rules
  RULE                           APPLIES  WHY
  ServiceAdvertisement "rack-a"  yes      its serviceSelector picks the service

Merged
  communities: 64512:1 of one
`);
    expect(JSON.parse((await starling('explain', 'shop/web', '-o', 'json')).out)).toEqual(SERVICE_EXPLANATION);
  });

  it('puts peers that are told the same together, and names all of them when asked', async () => {
    const [address] = SERVICE_EXPLANATION.addresses;
    const peers = [1, 2, 3, 4, 5].map((n) => ({ ...address.peers[1], peer: `10.0.0.${n}`, name: null }));
    daemon.serviceExplanation = { ...SERVICE_EXPLANATION, addresses: [{ ...address, peers }] };
    expect((await starling('explain', 'shop/web')).out).toContain(
      `not to   10.0.0.1, 10.0.0.2, 10.0.0.3 and 2 more  ${RULE} does not`,
    );
    expect((await starling('explain', 'shop/web', '-o', 'wide')).out).toContain('10.0.0.4, 10.0.0.5  ');
  });

  it('says which bandwidth was told', async () => {
    const [address] = SERVICE_EXPLANATION.addresses;
    const [peer] = address.peers;
    const told = { ...peer.told!, extendedCommunities: ['rt:1:2', 'link-bandwidth:64512:1375000064'] };
    const addresses = [{ ...address, peers: [{ ...peer, told }] }];
    daemon.serviceExplanation = { ...SERVICE_EXPLANATION, addresses };
    expect((await starling('explain', 'shop/web')).out).toContain('communities 64512:1 rt:1:2, bandwidth 11 Gbit/s\n');
  });

  it('exits with 1 where there is no such service, with 2 where it is not named', async () => {
    expect(await starling('explain', 'shop/x')).toEqual({
      code: 1,
      out: '',
      err: 'starling: the resources that the daemon has hold no Service shop/x\n',
    });
    for (const text of ['web', 'a/b/c', '/web', 'shop/']) {
      expect(await starling('explain', text)).toMatchObject({
        code: 2,
        err: expect.stringContaining('like default/web'),
      });
    }
  });

  it('exits with 1 unless it is advertised, where that is expected', async () => {
    const expectAdvertised = () => starling('explain', 'shop/web', '--expect', 'advertised');
    expect(await expectAdvertised()).toMatchObject({ code: 0, err: '' });
    const [first, second] = SERVICE_EXPLANATION.addresses;
    const until = { time: '2026-01-02T03:04:15.000Z', epochSeconds: 1 };
    const held = { ...first, state: 'held' as const, until, words: 'Held by the guard.' };
    daemon.serviceExplanation = { ...SERVICE_EXPLANATION, addresses: [held, second] };
    const { code, out, err } = await expectAdvertised();
    expect([code, err]).toEqual([1, 'starling: expected: advertised; but 203.0.113.10 is not: Held by the guard.\n']);
    expect(out).toContain('1 of 2 addresses advertised, 1 told on though no longer wanted.\n');
    expect(out).toContain('no longer wanted, 203.0.113.10/32 is told on until 2026-01-02T03:04:15.000Z\n');
    const [peer] = first.peers;
    const untold = [first, second].map((one) => ({ ...one, peers: [{ ...peer, advertised: false, told: null }] }));
    daemon.serviceExplanation = { ...SERVICE_EXPLANATION, addresses: untold };
    const nobody = await expectAdvertised();
    expect([nobody.code, nobody.err]).toEqual([
      1,
      expect.stringContaining('no peer was told of 203.0.113.10, 10.96.0.10'),
    ]);
    expect(nobody.out).toContain('2 of 2 addresses advertised, but no peer was told.\n');
    daemon.serviceExplanation = { ...SERVICE_EXPLANATION, addresses: [{ ...first, peers: [] }] };
    expect((await expectAdvertised()).out).toContain('  told to  nobody: there is no peer\n');
    const no = { ...first, state: 'no' as const, words: 'No endpoint.', peers: [] };
    daemon.serviceExplanation = { ...SERVICE_EXPLANATION, addresses: [no], endpoints: [] };
    expect((await starling('explain', 'shop/web')).out).toContain('none: no EndpointSlice is of this service\n');
    expect((await expectAdvertised()).err).toContain('but 203.0.113.10 is not: No endpoint.');
    daemon.serviceExplanation = { ...SERVICE_EXPLANATION, addresses: [] };
    expect(await expectAdvertised()).toMatchObject({ code: 1, err: expect.stringContaining('has no address') });
  });
});

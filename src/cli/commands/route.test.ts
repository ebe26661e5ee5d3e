import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { CliWorld } from '../../../test/support/cli-world.ts';
import { FakeDaemonView } from '../../../test/support/fake-daemon-view.ts';
import { EXPLANATION, route } from '../../../test/support/fake-routes.ts';

let world: CliWorld;

beforeEach(async () => {
  world = await CliWorld.start(new FakeDaemonView());
});

afterEach(() => world[Symbol.asyncDispose]());

describe('starling route', () => {
  it('lists routes in order, whatever order the daemon has', async () => {
    world.daemon.routeList = ['2001:db8::/32', '10.2.0.0/16', '9.0.0.0/8', '10.0.0.0/16', '10.0.0.0/8'].map((prefix) =>
      route(prefix),
    );
    const lines = (await world.output('route', 'list', '--no-headers')).trimEnd().split('\n');
    expect(lines.map((line) => line.split(/ +/)[1])).toEqual([
      '9.0.0.0/8',
      '10.0.0.0/8',
      '10.0.0.0/16',
      '10.2.0.0/16',
      '2001:db8::/32',
    ]);
  });

  it('asks for what the options say', async () => {
    const asked: [argv: string[], query: object][] = [
      [[], { view: 'best', match: 'exact' }],
      [['--family', 'ipv6'], { view: 'best', family: 1 }],
      [['--peer', '10.0.0.254', '--received'], { view: 'received', peer: '10.0.0.254' }],
      [['--peer', '10.0.0.254', '--advertised'], { view: 'advertised', peer: '10.0.0.254' }],
      [['--rejected'], { view: 'rejected' }],
      [['10.1.0.0/16', '--longer'], { match: 'longer', prefix: { length: 16 } }],
      [['10.1.2.3', '--shorter'], { match: 'shorter', prefix: { length: 32 } }],
    ];
    for (const [argv, query] of asked) {
      world.daemon.queries.length = 0;
      await world.starling('route', 'list', ...argv);
      expect(world.daemon.queries[0]).toMatchObject(query);
    }
  });

  it('streams a table of several pages as one', async () => {
    world.daemon.sliceSize = 1000;
    world.daemon.routeList = Array.from({ length: 10_050 }, (_, i) => route(`10.${i >> 8}.${i & 255}.0/24`));
    const table = (await world.output('route', 'list')).trimEnd().split('\n');
    expect([table.length, table.filter((line) => line.includes('PREFIX')).length]).toEqual([10_051, 1]);
    expect(JSON.parse(await world.output('route', 'list', '-o', 'json'))).toEqual({ routes: world.daemon.routeList });
  });

  it('lists in YAML too', async () => {
    expect(parseYaml(await world.output('route', 'list', '-o', 'yaml'))).toEqual({ routes: world.daemon.routeList });
  });

  it('says why a route was rejected', async () => {
    world.daemon.routeList = [route('10.0.0.0/8', { best: false, rejectedReason: 'BGPFilter no-ten, rule 1' })];
    expect(await world.output('route', 'list', '--rejected')).toMatch(/REJECTED-BY\n.*BGPFilter no-ten, rule 1\n/);
  });

  it('exits with 1 where there is no such route', async () => {
    expect(await world.starling('route', 'list', '10.99.0.0/16', '-o', 'json')).toEqual({
      code: 1,
      out: '{"routes": [\n\n]}\n',
      err: 'no such routes for 10.99.0.0/16\n',
    });
    world.daemon.routeList = [];
    expect(await world.starling('route', 'list', '-o', 'yaml')).toEqual({
      code: 0,
      out: 'routes: []\n',
      err: 'no routes\n',
    });
  });

  it('explains', async () => {
    expect(await world.output('route', 'explain', '10.1.2.3')).toContain(
      '10.1.2.3 is covered by 10.1.2.0/26, which goes via 10.0.0.254.',
    );
    expect(JSON.parse(await world.output('route', 'explain', '10.1.2.3', '-o', 'json'))).toEqual(EXPLANATION);
    world.daemon.explanation = {
      query: '10.9.0.0/16',
      match: null,
      candidates: [],
      advertisedTo: [],
      services: [],
      fib: null,
    };
    const { code, out } = await world.starling('route', 'explain', '10.9.0.0/16');
    expect([code, out]).toEqual([1, 'There is no route to 10.9.0.0/16.\n']);
  });

  it('adds and deletes', async () => {
    const attributes = ['--med', '5', '--local-pref', '200', '--next-hop', '10.0.0.9', '--origin', 'egp'];
    const lists = ['--as-path', '64512 64513', '--community', '64512:1', '--community', 'no-export'];
    await world.output('route', 'add', '10.9.0.0/16', ...attributes, ...lists, '--large-community', '1:2:3');
    await world.output('route', 'delete', '10.9.0.0/16');
    const input = {
      prefix: '10.9.0.0/16',
      nextHop: '10.0.0.9',
      origin: 'egp',
      asPath: [64512, 64513],
      med: 5,
      localPref: 200,
      communities: ['64512:1', 'no-export'],
      largeCommunities: ['1:2:3'],
    };
    expect(world.daemon.actions).toEqual([
      ['add', '10.9.0.0/16', input],
      ['delete', '10.9.0.0/16'],
    ]);
  });

  it('adds nothing with a field that the daemon finds wrong', async () => {
    const { code, out, err } = await world.starling('route', 'add', '10.0.0.0/8', '--community', '1:2:3');
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(/field "communities.0"/)]);
  });
});

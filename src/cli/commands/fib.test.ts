import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliWorld } from '../../../test/support/cli-world.ts';
import { FakeDaemonView } from '../../../test/support/fake-daemon-view.ts';
import { FIB } from '../../../test/support/fake-routes.ts';

let world: CliWorld;

beforeEach(async () => {
  world = await CliWorld.start(new FakeDaemonView());
});

afterEach(() => world[Symbol.asyncDispose]());

describe('starling fib', () => {
  it('lists kernel routes', async () => {
    const out = await world.output('fib', 'list');
    expect(out).toMatch(/10\.1\.0\.0\/16 +installed +10\.0\.0\.254 dev eth0, 10\.0\.1\.254 dev eth1\n/);
    expect(out).toMatch(/10\.1\.2\.0\/26 +failed +10\.0\.0\.254 dev eth0 +network is unreachable\n/);
  });

  it('shows what the kernel has beside what it should have', async () => {
    expect(await world.output('fib', 'list', '-o', 'wide', '--no-headers', '10.1.2.0/26')).toBe(
      '10.1.2.0/26  failed  10.0.0.254 dev eth0  10.0.0.254 dev eth0 weight 1  -  network is unreachable\n',
    );
    expect(await world.starling('fib', 'list', '10.9.0.0/16')).toMatchObject({ code: 1, out: '' });
  });

  it('says why the kernel has them', async () => {
    expect(await world.output('fib', 'list', '--why', '10.1.2.0/26')).toBe(`10.1.2.0/26  failed
  chosen by  from 10.0.0.254: best: it is the only path
  rule       programmed as it is: in no pool
  next hops  10.0.0.254: directly connected on eth0
  wanted     10.0.0.254 dev eth0 weight 1
  installed  -
  error      network is unreachable, tried again in 8s
`);
    expect(await world.output('fib', 'list', '--why')).toMatch(
      /^10\.1\.0\.0\/16 {2}installed\n[^]*\n\n10\.1\.2\.0\/26 /,
    );
  });

  it('lists differences between the kernel and what it should have', async () => {
    expect(await world.starling('fib', 'diff')).toMatchObject({
      code: 1,
      out:
        'PREFIX       DIFFERENCE  WANTED                        INSTALLED  ERROR\n' +
        '10.1.2.0/26  failed      10.0.0.254 dev eth0 weight 1  -          network is unreachable, tried again in 8s\n',
    });
    world.daemon.fibList = FIB.filter(({ difference }) => difference === null);
    expect(await world.starling('fib', 'diff')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('in sync'),
    });
    const { code, out } = await world.starling('fib', 'diff', '-o', 'json');
    expect([code, JSON.parse(out)]).toEqual([0, { routes: [] }]);
  });
});

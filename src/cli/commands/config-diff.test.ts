import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliWorld } from '../../../test/support/cli-world.ts';
import { FakeDaemonView } from '../../../test/support/fake-daemon-view.ts';

let world: CliWorld;
let daemon: FakeDaemonView;

beforeEach(async () => {
  daemon = new FakeDaemonView();
  world = await CliWorld.start(daemon);
});

afterEach(() => world[Symbol.asyncDispose]());

async function diff(text: string, ...options: readonly string[]) {
  const { scratch } = world;
  const { code, out, err } = await world.starling('config', 'diff', scratch.write('tor.yaml', text), ...options);
  return { code, out: out.replaceAll(scratch.path, ''), err };
}

const PEER =
  'apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: { name: tor }\nspec: { peerIP: ::1, asNumber: 1 }\n';
const peer = (address: string) => ({
  peer: address,
  name: null,
  change: 'policy' as const,
  heldDown: null,
  words: ['told anew'],
});

describe('starling config diff', () => {
  it('sends what it read, and says with 0 that nothing would change', async () => {
    const { code, out } = await diff(PEER, '--whole');
    expect([code, out]).toEqual([0, 'No resource is different: the node would do nothing else than now.\n']);
    expect(daemon.actions).toMatchObject([
      ['diff', { whole: true, resources: [{ kind: 'BGPPeer', spec: { asNumber: 1 } }] }],
    ]);
  });

  it('takes more than other requests', async () => {
    const many = Array.from({ length: 500 }, (_, i) => PEER.replace('tor', `tor-${i}`)).join('---\n');
    expect((await diff(many)).code).toBe(0);
  });

  it('says with 1 what would change', async () => {
    daemon.diff = {
      ...daemon.diff,
      different: true,
      resources: [{ kind: 'BGPPeer', namespace: null, name: 'tor', change: 'added' }],
      node: ['The router id becomes 10.0.0.9.'],
      peers: [
        {
          peer: '192.0.2.1',
          name: 'tor',
          change: 'added',
          heldDown: 'no Secret "keys"',
          words: ['BGPPeer "tor" says so.'],
        },
        { ...peer('10.0.0.2'), change: 'removed', words: ['now there because: mesh'] },
        ...['10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7'].map(peer),
      ],
      routes: [
        { prefix: '10.1.0.0/26', service: null, change: 'withdrawn', words: 'Block 10.1.0.0/26 belongs to this node.' },
      ],
      newProblems: ['BGPFilter none: missing'],
    };
    const { code, out } = await diff(PEER);
    expect(code).toBe(1);
    expect(out).toBe(`Node
  The router id becomes 10.0.0.9.

Peers
  + 192.0.2.1 (tor): added
      BGPPeer "tor" says so.
      held down: no Secret "keys"
  - 10.0.0.2: removed
      now there because: mesh
  ~ 10.0.0.3, 10.0.0.4, 10.0.0.5 and 2 more: without a reset
      told anew

Routes
  - 10.1.0.0/26  withdrawn: Block 10.1.0.0/26 belongs to this node.

Problems that come up
  BGPFilter none: missing

1 resource different, 7 peers changed, 1 route changed.
`);
    expect(JSON.parse((await diff(PEER, '-o', 'json')).out)).toEqual(daemon.diff);
  });

  it('stays short where many routes change', async () => {
    const words = 'It is outside serviceLoadBalancerIPs of BGPConfiguration "default".';
    const gone = Array.from({ length: 1000 }, (_, i) => {
      return { prefix: `10.0.${i >> 8}.${i & 255}/32`, service: `ns/s${i}`, change: 'withdrawn' as const, words };
    });
    const changed = Array.from({ length: 40 }, (_, i) => {
      return { prefix: `10.9.0.${i}/32`, service: `ns/t${i}`, change: 'changed' as const, words: `MED ${i}.` };
    });
    daemon.diff = { ...daemon.diff, different: true, routes: [...gone, ...changed] };
    const { out } = await diff(PEER);
    expect(out).toContain(
      `  - 10.0.0.0/32 (ns/s0), 10.0.0.1/32 (ns/s1), 10.0.0.2/32 (ns/s2) and 997 more  withdrawn: ${words}\n`,
    );
    expect(out).toContain('  ~ 10.9.0.18/32 (ns/t18)  changed: MED 18.\n  and 21 more routes; -o wide shows all\n');
    expect(out).toMatch(/, 1040 routes changed \(1000 withdrawn, 40 changed\)\.\n$/);
    const wide = (await diff(PEER, '-o', 'wide')).out;
    expect(wide).toContain('10.0.3.231/32 (ns/s999)  withdrawn: ');
    expect(wide).toContain('(ns/t39)  changed: MED 39.\n');
  });

  it('says with 2 that resources are wrong, with their place, or that there is no daemon', async () => {
    const bad = await diff(PEER.replace('asNumber: 1', 'asNumber: many'));
    expect([bad.code, bad.out]).toEqual([
      2,
      expect.stringMatching(/^\/tor\.yaml:4:\d+: error: BGPPeer "tor": spec\.asNumber:/),
    ]);
    const gone = await diff(PEER, '--socket', world.scratch.path + '/another');
    expect([gone.code, gone.err]).toEqual([2, expect.stringContaining('starlingd does not run')]);
  });
});

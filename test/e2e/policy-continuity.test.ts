/** Traffic while the agent stops, dies, is replaced, reads its configuration again, and while others flush its rules. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Flow } from '../support/policy-prober.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { POLICY_NEEDS, interfaceOf, pod } from './policy-network.ts';
import { namespaceManifest, networkPolicy, podManifest } from './policy-resources.ts';
import { PolicyScene } from './policy-scene.ts';

const missing = missingHere(POLICY_NEEDS);

const SERVER = pod('x/a', 2);
const CLIENT = pod('x/b', 3);
const STRANGER = pod('x/c', 4);
const PODS = [SERVER, CLIENT, STRANGER];
/** Only the client reaches the server. */
const POLICY = networkPolicy('x/only-client', {
  podSelector: { matchLabels: { pod: 'a' } },
  ingress: [{ from: [{ podSelector: { matchLabels: { pod: 'b' } } }] }],
});

const BASE = [namespaceManifest('x'), ...PODS.map((one) => podManifest(one)), POLICY];

/** How long what is denied may be open after somebody deleted the rules, in ms: a second, and half of one for a busy machine. */
const LONGEST_REPAIR = 1500;

/** Tables of others: one as kube-proxy has it, and one with nearly the name of the agent's. */
const FOREIGN = `table ip kube-proxy {
	set used {
		type ipv4_addr
		elements = { 10.65.0.2, 10.65.0.3 }
	}

	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr 10.96.0.10 dnat to 10.65.0.2
	}
}
table inet starling_policy_of_another {
	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname "cali*" accept
	}
}
`;

let scene: PolicyScene;
let flows: Flow[];

beforeAll(async () => {
  if (missing !== undefined) return;
  scene = await PolicyScene.start(PODS, BASE);
  const flow = (protocol: 'tcp' | 'udp', version: 4 | 6) =>
    scene.network.prober.open({ from: CLIENT.name, to: SERVER.name, protocol, version });
  flows = [await flow('tcp', 4), await flow('tcp', 6), await flow('udp', 4), await flow('udp', 6)];
});

afterAll(() => scene?.[Symbol.asyncDispose]());

beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
});

const CLOSED = ([4, 6] as const).map((version) => ({ from: STRANGER.name, to: SERVER.name, version }));
const OPEN = CLOSED.map((one) => ({ ...one, from: CLIENT.name }));

/** Flows that lost something, and whatever passed that should not have, while something is done. */
function during(action: () => Promise<void>, open = OPEN) {
  return scene.network.prober.during({ flows, open, closed: CLOSED }, action);
}

/** Nothing breaks or is open. */
const UNDISTURBED = { broken: [], passed: [] };
/** Part of the packets that may get lost while a table takes the place of another, one or two of them. */
const LOST = 0.02;

/** New connections, as the policy has them. */
const NEW_CONNECTIONS = ([4, 6] as const).flatMap((version) =>
  (['tcp', 'udp'] as const).flatMap((protocol) => [
    { from: CLIENT.name, to: SERVER.name, protocol, version, passes: true },
    { from: STRANGER.name, to: SERVER.name, protocol, version, passes: false },
  ]),
);

const rulesNow = () => scene.network.onNode('nft list ruleset');

describe('no packet is lost and nothing is open', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('while the agent ends by %s, is away, and starts again', async (signal) => {
    const rules = scene.rules();
    const seen = await during(async () => {
      await scene.agent.end(signal);
      expect(scene.rules()).toBe(rules);
      expect(await scene.network.prober.wrong(NEW_CONNECTIONS)).toEqual([]);
      await scene.agent.start();
    });
    expect(seen).toMatchObject(UNDISTURBED);
    expect(seen.lost / seen.sent).toBeLessThan(LOST);
    expect(scene.rules()).toBe(rules);
  });

  it('while it reads its configuration again', async () => {
    const seen = await during(async () => {
      scene.agent.configure({ datastore: scene.datastore, policy: { masquerade: false } });
      scene.agent.signal('SIGHUP');
      await waitFor(() => scene.agent.events(), {
        what: 'the configuration to be read',
        accept: (events) => events.some((words) => /configuration/i.test(words)),
      });
      await scene.agent.inSync();
    });
    expect(seen).toMatchObject(UNDISTURBED);
    expect(seen.lost / seen.sent).toBeLessThan(LOST);
  });

  it('while another version takes the place of the rules of an older one', async () => {
    const rules = scene.rules();
    const seen = await during(async () => {
      await scene.agent.end('SIGKILL');
      scene.network.onNode(
        'nft add set inet starling_policy old "{ type ipv4_addr; elements = { 10.65.0.2 } }"',
        'nft add chain inet starling_policy older',
        'nft add rule inet starling_policy older ip saddr @old accept',
      );
      await scene.agent.start();
    });
    expect(seen).toMatchObject(UNDISTURBED);
    expect(seen.lost / seen.sent).toBeLessThan(LOST);
    expect(scene.rules()).toBe(rules);
  });
});

describe('changes of what is about others', () => {
  it('lose no packet and open nothing, however many there are', async () => {
    const policy = (count: number) => ({
      ...POLICY,
      spec: {
        podSelector: { matchLabels: { pod: 'a' } },
        ingress: [
          ...Array.from({ length: count }, (_, index) => ({
            from: [{ ipBlock: { cidr: `10.${100 + index}.0.0/16` } }],
          })),
          {
            from: [
              { podSelector: { matchLabels: { pod: 'b' } } },
              { podSelector: { matchLabels: { pod: `n${count}` } } },
            ],
          },
        ],
      },
    });
    const seen = await during(async () => {
      for (let count = 0; count < 12; count++) {
        const others = Array.from({ length: count % 4 }, (_, index) => podManifest(pod(`x/n${index}`, 50 + index)));
        await scene.replace([
          namespaceManifest('x', { turn: String(count) }),
          ...PODS.map((one) => podManifest(one)),
          ...others,
          policy(count % 5),
        ]);
      }
      await scene.replace(BASE);
    });
    expect(seen).toMatchObject({ ...UNDISTURBED, lost: 0 });
  });
});

describe('a policy that comes later', () => {
  it('is for new connections, and leaves alone those that are there', async () => {
    const closed = networkPolicy('x/only-client', { podSelector: { matchLabels: { pod: 'a' } } });
    const seen = await during(() => scene.put(closed), []);
    expect(seen).toMatchObject(UNDISTURBED);
    expect(await scene.network.prober.wrong(NEW_CONNECTIONS.map((one) => ({ ...one, passes: false })))).toEqual([]);
    await scene.put(POLICY);
    expect(await scene.network.prober.wrong(NEW_CONNECTIONS)).toEqual([]);
  });
});

describe('rules that others delete', () => {
  it.each([
    ['all tables', 'nft flush ruleset'],
    ['the table', 'nft delete table inet starling_policy'],
  ])('are back within a second, %s, and no flow breaks', async (_, command) => {
    const rules = scene.rules();
    let deleted = 0;
    const seen = await during(async () => {
      deleted = performance.now();
      scene.network.onNode(command);
      await waitFor(() => scene.rules(), { what: 'the rules', accept: (text) => text === rules });
    });
    expect(seen.broken).toEqual([]);
    expect(seen.passed.map((at) => at - deleted).filter((after) => after > LONGEST_REPAIR)).toEqual([]);
    expect(await scene.network.prober.wrong(NEW_CONNECTIONS)).toEqual([]);
    expect((await scene.agent.events()).join('\n')).toMatch(/starling_policy/);
  });

  it('are back where only some of them went, and what others put beside them goes', async () => {
    const rules = scene.rules();
    const [, members = ''] = /^\tset (s4_\S+) /m.exec(rules) ?? [];
    const server = interfaceOf(SERVER);
    for (const command of [
      'nft flush chain inet starling_policy forward_to',
      'nft insert rule inet starling_policy forward_to accept',
      'nft add chain inet starling_policy another',
      `nft delete element inet starling_policy to_workload '{ "${server}" }'`,
      `nft add element inet starling_policy ${members} '{ ${STRANGER.addresses[0]} }'`,
      `nft flush set inet starling_policy ${members}`,
      "nft add table inet starling_policy '{ flags dormant; }'",
      'nft delete table inet starling_policy; nft add table inet starling_policy',
    ]) {
      scene.network.onNode(command);
      await waitFor(() => scene.rules(), { what: `the rules after ${command}`, accept: (text) => text === rules });
    }
    expect(await scene.network.prober.wrong(NEW_CONNECTIONS)).toEqual([]);
  });
});

describe('other tables', () => {
  it('are as they were, whatever the agent does, and so is the rest of what others made', async () => {
    const others = () =>
      scene.network.onNode('nft list table ip kube-proxy', 'nft list table inet starling_policy_of_another');
    scene.network.onNode(`nft -f - <<'END'\n${FOREIGN}END`);
    const before = others();
    await scene.put(podManifest(STRANGER, { labels: { pod: 'b' } }));
    await scene.put(podManifest(STRANGER));
    await scene.agent.end('SIGTERM');
    await scene.agent.start();
    scene.network.onNode('nft delete table inet starling_policy');
    await waitFor(() => scene.rules(), { what: 'the rules', accept: (text) => text.includes(interfaceOf(SERVER)) });
    expect(others()).toBe(before);
    expect(await scene.agent.starling('shutdown', '--for-good')).toMatchObject({ code: 0 });
    await waitFor(() => scene.rules(), { what: 'no table', accept: (text) => text === '' });
    expect(rulesNow()).toBe(before);
  });
});

/** The cases of Kubernetes' end-to-end tests of NetworkPolicy, with packets between nine pods, and what is explained of them. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../support/kube-api.ts';
import type { Probe } from '../support/policy-prober.ts';
import { missingHere, vectorPath } from '../support/skip.ts';
import { POLICY_NEEDS } from './policy-network.ts';
import type { TestPod } from './policy-network.ts';
import { identity, namespaceManifest, networkPolicy, podManifest } from './policy-resources.ts';
import { PolicyScene } from './policy-scene.ts';

const VECTORS = 'policy/netpol_k8s_e2e.jsonl';
const missing = missingHere({ ...POLICY_NEEDS, vectors: VECTORS });

type Action =
  | { readonly createPolicy: Manifest }
  | { readonly updatePolicy: Manifest }
  | { readonly deletePolicy: string }
  | { readonly setNamespaceLabels: { readonly name: string; readonly labels: object } }
  | { readonly setPodLabels: { readonly name: string; readonly labels: object } };

interface Expected {
  /** `TCP/80` and the like. */
  readonly probes: readonly string[];
  /** One for each source, with a character for each destination. */
  readonly rows: readonly string[];
}

interface Case {
  readonly id: number;
  readonly name: string;
  readonly steps: readonly { actions: readonly Action[]; expect: readonly Expected[]; pods: readonly string[] }[];
}

/** Without the vectors a test is left that says so. */
const cases: readonly Case[] =
  missing === undefined
    ? readFileSync(vectorPath(VECTORS), 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => JSON.parse(line) as Case)
    : [{ id: 0, name: 'none', steps: [] }];

const NAMESPACES = ['x', 'y', 'z'];
const PODS: readonly TestPod[] = NAMESPACES.flatMap((namespace, block) =>
  ['a', 'b', 'c'].map((name, index): TestPod => {
    const number = 2 + 16 * block + index;
    return { name: `${namespace}/${name}`, addresses: [`10.65.0.${number}`, `fd65::${number}`] };
  }),
);
const CLUSTER = [...NAMESPACES.map((name) => namespaceManifest(name)), ...PODS.map((one) => podManifest(one))];

/** The resources after an action. */
function acted(resources: ReadonlyMap<string, Manifest>, action: Action): ReadonlyMap<string, Manifest> {
  const changed = new Map(resources);
  const set = (manifest: Manifest) => changed.set(identity(manifest), manifest);
  if ('createPolicy' in action) set(action.createPolicy);
  else if ('updatePolicy' in action) set(action.updatePolicy);
  else if ('setNamespaceLabels' in action) {
    set(namespaceManifest(action.setNamespaceLabels.name, action.setNamespaceLabels.labels));
  } else if ('setPodLabels' in action) {
    const { name, labels } = action.setPodLabels;
    set(
      podManifest(
        PODS.find((one) => one.name === name)!,
        { labels },
      ),
    );
  } else {
    changed.delete(identity(networkPolicy(action.deletePolicy, {})));
  }
  return changed;
}

function probesOf({ probes, rows }: Expected, pods: readonly string[]): Probe[] {
  const each = probes.map((text) => text.toLowerCase().split('/') as [Probe['protocol'], string]);
  return pods.flatMap((from, row) =>
    pods.flatMap((to, column) =>
      from === to
        ? []
        : each.map(([protocol, port]) => ({
            from,
            to,
            protocol,
            port: Number(port),
            passes: rows[row][column] === '.',
          })),
    ),
  );
}

let scene: PolicyScene;

beforeAll(async () => {
  if (missing === undefined) scene = await PolicyScene.start(PODS, CLUSTER);
});

afterAll(() => scene?.[Symbol.asyncDispose]());

beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
});

/** Those of the pairs for which the agent explains something else than what is expected. */
async function wronglyExplained(probes: readonly Probe[]): Promise<string[]> {
  const asked = probes.map(async ({ from, to, protocol, port = 80, passes }) => {
    const { verdict, words } = await scene.agent.explain({ source: from, destination: to, protocol, port });
    return (verdict === 'allow') === passes ? [] : [`${from} > ${to} ${protocol}/${port}: ${words}`];
  });
  return (await Promise.all(asked)).flat();
}

describe('policies of Kubernetes', () => {
  it.each(cases)('$id: $name', async ({ steps }) => {
    let resources: ReadonlyMap<string, Manifest> = new Map(CLUSTER.map((one) => [identity(one), one]));
    for (const { actions, expect: expected, pods } of steps) {
      resources = actions.reduce(acted, resources);
      await scene.replace([...resources.values()]);
      const ipv4 = expected.flatMap((one) => probesOf(one, pods));
      // Blocks of addresses are of IPv4 in all cases.
      const both = [...resources.values()].every((one) => !JSON.stringify(one).includes('ipBlock'));
      const ipv6 = both ? ipv4.map((one) => ({ ...one, version: 6 as const })) : [];
      expect(await scene.network.prober.wrong([...ipv4, ...ipv6])).toEqual([]);
    }
    // Of the probes of which the same is expected, one is asked for.
    const { expect: last, pods } = steps.at(-1)!;
    const asked = last.flatMap(({ probes, rows }) => probesOf({ probes: probes.slice(0, 1), rows }, pods));
    expect(await wronglyExplained(asked)).toEqual([]);
  });
});

describe('the command', () => {
  it('says of a packet what becomes of it, and why', async () => {
    const policy = networkPolicy('x/closed', { podSelector: { matchLabels: { pod: 'a' } } });
    await scene.replace([...CLUSTER, policy]);
    const explain = (...argv: string[]) => scene.agent.starling('explain', ...argv);
    const denied = await explain('y/a', 'x/a', 'tcp', '80', '--expect', 'deny');
    expect(denied).toMatchObject({ code: 0, out: expect.stringContaining('x/closed') });
    expect(await explain('10.65.0.18', '10.65.0.2', 'tcp', '80', '--expect', 'allow')).toMatchObject({ code: 1 });
    expect(await explain('x/a', 'y/a', 'sctp', '80', '--expect', 'allow')).toMatchObject({ code: 0 });
    const probes: Probe[] = [
      { from: 'y/a', to: 'x/a', protocol: 'tcp', passes: false },
      { from: 'x/a', to: 'y/a', protocol: 'sctp', passes: true },
    ];
    expect(await scene.network.prober.wrong(probes)).toEqual([]);
  });
});

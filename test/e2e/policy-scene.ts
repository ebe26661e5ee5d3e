/** A node with workloads, an agent on it, and its resources in a file. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../support/kube-api.ts';
import { createScratch } from '../support/scratch.ts';
import { TestAgent } from './policy-agent.ts';
import { PolicyNetwork } from './policy-network.ts';
import type { TestPod } from './policy-network.ts';
import { calico, identity } from './policy-resources.ts';

export class PolicyScene implements AsyncDisposable {
  readonly network: PolicyNetwork;
  readonly agent: TestAgent;
  /** The folder of the resources. */
  readonly folder: string;
  readonly #scratch = createScratch('policy-resources');
  #resources = new Map<string, Manifest>();
  #writes = 0;

  /** `policy` is that section of the configuration file. Nothing is started yet. */
  constructor(pods: readonly TestPod[], policy: object = {}) {
    this.folder = join(this.#scratch.path, 'resources');
    mkdirSync(this.folder);
    this.network = new PolicyNetwork(pods);
    this.agent = new TestAgent(this.network.node, { datastore: this.datastore, policy });
  }

  /** Section of the configuration file. */
  get datastore(): object {
    return { type: 'file', file: { path: this.folder }, cache: '' };
  }

  /** Starts the agent with these resources, and waits until the kernel has its rules. */
  static async start(pods: readonly TestPod[], resources: readonly Manifest[], policy?: object): Promise<PolicyScene> {
    const scene = new PolicyScene(pods, policy);
    try {
      scene.write(resources);
      await scene.agent.start();
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
    return scene;
  }

  /** Has just these resources. The name of the policy that is returned is known when the agent has read them. */
  write(resources: readonly Manifest[]): string {
    this.#resources = new Map(resources.map((one) => [identity(one), one]));
    const marker = `written-${++this.#writes}`;
    const spec = { selector: "written == 'nowhere'", types: ['Ingress'] };
    const all = [...resources, calico('GlobalNetworkPolicy', marker, spec)];
    const path = join(this.folder, 'resources.yaml');
    writeFileSync(`${path}.new~`, all.map((one) => JSON.stringify(one)).join('\n---\n'));
    renameSync(`${path}.new~`, path);
    return marker;
  }

  /** Has just these resources, and waits until the kernel has what follows from them. */
  async replace(resources: readonly Manifest[]): Promise<void> {
    await this.agent.knows(this.write(resources));
  }

  /** Makes resources, or changes those that are there. */
  async put(...resources: readonly Manifest[]): Promise<void> {
    const all = new Map([...this.#resources, ...resources.map((one) => [identity(one), one] as const)]);
    await this.replace([...all.values()]);
  }

  async delete(...resources: readonly Manifest[]): Promise<void> {
    const gone = new Set(resources.map(identity));
    await this.replace([...this.#resources].filter(([key]) => !gone.has(key)).map(([, one]) => one));
  }

  /** What `nft` lists of the agent's table, in an order of its own; `''` where there is none. */
  rules(): string {
    return canonical(this.network.onNode('nft list table inet starling_policy 2>/dev/null || true'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    this.network[Symbol.dispose]();
    this.#scratch[Symbol.dispose]();
  }
}

/** The objects of a table by name, and elements of sets by text: which was made first doesn't matter. */
function canonical(table: string): string {
  const objects = table.match(/^\t(?:flags .*$|(?:set|map|chain) [\s\S]*?^\t\}$)/gm) ?? [];
  const sorted = objects.map((text) =>
    text.replace(/elements = \{([^}]*)\}/, (_, elements: string) => {
      const each = elements.split(',').map((element) => element.trim());
      return `elements = { ${each.sort().join(', ')} }`;
    }),
  );
  return sorted.sort().join('\n');
}

/** The resources that say what counts for the node as a whole. There are few of them, so they are kept. */
import type { ResourceOf } from '../resources/kinds.ts';
import { policySettings } from './policy-settings.ts';
import type { PolicyOverrides } from './policy-settings.ts';
import type { PolicyProblem } from './problem.ts';
import { sameContent } from './same-content.ts';
import type { PolicySettings } from './settings.ts';

export type SettingsResource = ResourceOf<'FelixConfiguration' | 'IPPool' | 'BGPConfiguration' | 'ClusterInformation'>;

export class SettingsSource {
  readonly #node: string;
  #overrides: PolicyOverrides;
  readonly #felix = new Map<string, ResourceOf<'FelixConfiguration'>>();
  readonly #pools = new Map<string, ResourceOf<'IPPool'>>();
  readonly #bgp = new Map<string, ResourceOf<'BGPConfiguration'>>();
  readonly #cluster = new Map<string, ResourceOf<'ClusterInformation'>>();
  #current: ReturnType<typeof policySettings> | undefined;
  #told: PolicySettings | undefined;

  constructor(node: string, overrides: PolicyOverrides) {
    this.#node = node;
    this.#overrides = overrides;
  }

  configure(overrides: PolicyOverrides): void {
    this.#overrides = overrides;
    this.#current = undefined;
  }

  put(resource: SettingsResource): void {
    const { name } = resource.metadata;
    if (resource.kind === 'FelixConfiguration') this.#felix.set(name, resource);
    else if (resource.kind === 'IPPool') this.#pools.set(name, resource);
    else if (resource.kind === 'BGPConfiguration') this.#bgp.set(name, resource);
    else this.#cluster.set(name, resource);
    this.#current = undefined;
  }

  delete(kind: SettingsResource['kind'], name: string): void {
    const tables = {
      FelixConfiguration: this.#felix,
      IPPool: this.#pools,
      BGPConfiguration: this.#bgp,
      ClusterInformation: this.#cluster,
    };
    if (tables[kind].delete(name)) this.#current = undefined;
  }

  get settings(): PolicySettings {
    return this.#computed().settings;
  }

  get problems(): readonly PolicyProblem[] {
    return this.#computed().problems;
  }

  /** The settings where they are not what was taken last. */
  take(): PolicySettings | undefined {
    const { settings } = this;
    if (sameContent(this.#told, settings)) return undefined;
    this.#told = settings;
    return settings;
  }

  #computed(): ReturnType<typeof policySettings> {
    this.#current ??= policySettings(
      {
        felix: this.#felix.values(),
        pools: this.#pools.values(),
        bgp: this.#bgp.values(),
        cluster: this.#cluster.values(),
      },
      this.#node,
      this.#overrides,
    );
    return this.#current;
  }
}

/** Which of its two API groups Calico uses in this cluster. */
import { isJsonObject } from '../../resources/resource.ts';
import type { CalicoGroup } from './api-resources.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-status.ts';

/** What `/apis` lists, and what it means: where both groups are, one is served by Calico's API server from the other. */
export function calicoGroupAmong(groups: ReadonlySet<string>): CalicoGroup | undefined {
  if (groups.has('crd.projectcalico.org')) return 'crd.projectcalico.org/v1';
  return groups.has('projectcalico.org') ? 'projectcalico.org/v3' : undefined;
}

/** Waits for a server that knows all that it serves. Rejects where it does not yet. */
export async function untilReady(client: ApiClient, signal?: AbortSignal): Promise<void> {
  try {
    await client.get('/readyz', signal);
  } catch (error) {
    // A cluster may keep this to itself.
    if (error instanceof ApiError && (error.status.code === 403 || error.status.code === 404)) return;
    throw error;
  }
}

/** Asks once, and remembers the answer until it is in doubt. */
export class CalicoGroups {
  readonly #client: ApiClient;
  readonly #isAuto: boolean;
  readonly #moved: () => void;
  #known: CalicoGroup | undefined;
  #asking: Promise<CalicoGroup> | undefined;

  /** `wanted` is the group of the configuration; `auto` finds it out. `moved` is called when it has become another one. */
  constructor(client: ApiClient, wanted: 'auto' | CalicoGroup, moved: () => void = () => {}) {
    this.#client = client;
    this.#isAuto = wanted === 'auto';
    this.#moved = moved;
    if (wanted !== 'auto') this.#known = wanted;
  }

  /** The group; that of older versions while the cluster has neither. Rejects where the server can't be asked. */
  find(): Promise<CalicoGroup> {
    return this.#known === undefined ? this.#askOnce() : Promise.resolve(this.#known);
  }

  /** Waits for a server that knows all that it serves, and looks whether Calico was moved to the other group meanwhile. */
  async review(): Promise<void> {
    await (this.#isAuto ? this.#askOnce() : untilReady(this.#client));
  }

  #askOnce(): Promise<CalicoGroup> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<CalicoGroup> {
    await untilReady(this.#client);
    const body = await this.#client.get('/apis');
    const groups = isJsonObject(body) && Array.isArray(body['groups']) ? body['groups'].filter(isJsonObject) : [];
    const before = this.#known;
    this.#known = calicoGroupAmong(new Set(groups.map(({ name }) => String(name))));
    if (before !== undefined && this.#known !== undefined && this.#known !== before) this.#moved();
    return this.#known ?? 'crd.projectcalico.org/v1';
  }
}

/** Which HostEndpoint counts at which interface of the node. */
import type { Endpoint } from './endpoint.ts';
import { resourceOf, takenBy } from './endpoint-problem.ts';
import type { PolicyProblem } from './problem.ts';
import { compareText } from './resolve-rules.ts';

export interface HostInterface {
  readonly name: string;
  /** Canonical text, without prefix lengths. */
  readonly addresses: readonly string[];
}

export class HostInterfaces {
  readonly #endpoints = new Map<string, Endpoint>();
  #interfaces: readonly HostInterface[] = [];
  #isDirty = false;

  get size(): number {
    return this.#endpoints.size;
  }

  setInterfaces(interfaces: readonly HostInterface[]): void {
    this.#interfaces = interfaces;
    this.#isDirty = this.#endpoints.size > 0;
  }

  /** A HostEndpoint of this node by its key, or that there is none of the key. It counts as different even if it is not. */
  set(key: string, endpoint: Endpoint | undefined): void {
    if (endpoint !== undefined) this.#endpoints.set(key, endpoint);
    else if (!this.#endpoints.delete(key)) return;
    this.#isDirty = true;
  }

  /** Which endpoint counts by interface, `*` among them; undefined where that is as it was. */
  take(): ReadonlyMap<string, Endpoint> | undefined {
    if (!this.#isDirty) return undefined;
    this.#isDirty = false;
    const owners = new Map<string, Endpoint>();
    for (const endpoint of this.#sorted()) {
      for (const name of this.#interfacesOf(endpoint)) if (!owners.has(name)) owners.set(name, endpoint);
    }
    return owners;
  }

  /** HostEndpoints that are not enforced. */
  *problems(): Generator<PolicyProblem> {
    const owners = new Map<string, Endpoint>();
    for (const endpoint of this.#sorted()) {
      const names = this.#interfacesOf(endpoint);
      if (names.length === 0) {
        const message = 'no interface of the node has one of these addresses, so this one is not enforced';
        yield { ...resourceOf(endpoint), path: ['spec', 'expectedIPs'], message, severity: 'warning' };
      }
      for (const name of names) {
        const owner = owners.get(name);
        if (owner === undefined) owners.set(name, endpoint);
        else yield takenBy(endpoint, name, owner);
      }
    }
  }

  /** Of several for one interface the first by name counts. */
  #sorted(): readonly Endpoint[] {
    return [...this.#endpoints.values()].sort((a, b) => compareText(a.name, b.name));
  }

  #interfacesOf({ local, addresses }: Endpoint): readonly string[] {
    if (local?.interfaceName !== undefined) return [local.interfaceName];
    const having = this.#interfaces.filter((one) => one.addresses.some((address) => addresses.includes(address)));
    return having.map(({ name }) => name);
  }
}

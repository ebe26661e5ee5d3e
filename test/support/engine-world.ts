/** An engine of node `n1`, to which resources come and go. */
import { PolicyEngine } from '../../src/policy/policy-engine.ts';
import type { EndpointRules, Layer, ModelChanges } from '../../src/policy/model.ts';
import type { Direction } from '../../src/policy/rule.ts';
import type { AnyResource } from '../../src/resources/kinds.ts';
import { ToldModel } from './told-model.ts';

export class EngineWorld {
  readonly engine = new PolicyEngine({ node: 'n1' });
  readonly told = new ToldModel();

  /** What is different when these are there, or are as they are now. */
  put(...resources: readonly AnyResource[]): ModelChanges | undefined {
    this.engine.change(resources.map((resource) => ({ type: 'upsert', resource })));
    return this.told.take(this.engine);
  }

  remove(...resources: readonly AnyResource[]): ModelChanges | undefined {
    this.engine.change(
      resources.map(({ kind, metadata: { namespace, name } }) => ({
        type: 'delete',
        kind,
        name,
        ...(namespace === undefined ? {} : { namespace }),
      })),
    );
    return this.told.take(this.engine);
  }

  /** What is asked of an endpoint by its key. */
  rulesOf(key: string, direction: Direction = 'ingress', layer: Layer = 'workload'): EndpointRules {
    const endpoint = this.engine.endpoint(key);
    if (endpoint === undefined) throw new Error(`there is no ${key}`);
    return this.engine.rulesOf(endpoint, direction, layer);
  }

  /** The tiers that are asked, as `t1 Pass: a, b`, with the names of policies. */
  order(key: string, direction: Direction = 'ingress', layer: Layer = 'workload'): readonly string[] {
    return this.rulesOf(key, direction, layer).tiers.map(
      ({ name, defaultAction, policies }) =>
        `${name} ${defaultAction}: ${policies.map((policy) => policy.split('/')[0]).join(', ')}`,
    );
  }

  /** Names of the endpoints at whose addresses a selector of labels finds something, through a rule. */
  picked(selector: string): readonly string[] {
    const set = { kind: 'addresses', id: 'a', selector } as const;
    return [...this.engine.endpoints()]
      .filter(({ addresses }) => addresses.some((address) => this.engine.lookup.hasAddress(set, address.split('/')[0])))
      .map(({ name }) => name)
      .toSorted();
  }
}

/** The own Node where two datastores know of it: Calico's, completed by what only Kubernetes says, whether it is to be used. */
import { isDeepStrictEqual } from 'node:util';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource, ResourceOf } from '../resources/kinds.ts';

type Node = ResourceOf<'Node'>;

/** What Calico's Node has no place for; what is not so is left out. */
interface State {
  readonly spec: Pick<Node['spec'], 'unschedulable' | 'taints'>;
  readonly status: Pick<NonNullable<Node['status']>, 'networkUnavailable' | 'shuttingDown'>;
}

const NOTHING: State = { spec: {}, status: {} };

export class OwnNodeState {
  readonly #name: string;
  /** As the first datastore has it. */
  #node: Node | undefined;
  #state = NOTHING;

  constructor(nodeName: string) {
    this.#name = nodeName;
  }

  /** A resource as it is to be told; any but the own Node as it is. */
  completed(resource: AnyResource): AnyResource {
    if (!this.#isOwn(resource)) return resource;
    this.#node = resource;
    if (this.#state === NOTHING) return resource;
    const { spec, status } = this.#state;
    return {
      ...resource,
      spec: { ...resource.spec, ...spec },
      status: { podCIDRs: [], ...resource.status, ...status },
    };
  }

  /** Changes as they are to be told. */
  completedChanges(changes: readonly Change[]): readonly Change[] {
    return changes.map((change) => {
      if (change.type === 'upsert') return { ...change, resource: this.completed(change.resource) };
      if (change.kind === 'Node' && change.name === this.#name) this.#node = undefined;
      return change;
    });
  }

  /**
   * Takes the own Node out of what Kubernetes says. Gives the rest, with the Node of the first datastore where that is to be
   * told anew: a node reports itself often, and seldom anything that counts.
   */
  absorb(changes: readonly Change[]): readonly Change[] {
    const rest: Change[] = [];
    const before = this.#state;
    for (const change of changes) {
      if (change.type === 'upsert' && this.#isOwn(change.resource)) this.#state = stateOf(change.resource);
      else if (change.type === 'delete' && change.kind === 'Node') this.#state = NOTHING;
      else rest.push(change);
    }
    const isNews = this.#node !== undefined && !isDeepStrictEqual(before, this.#state);
    return isNews ? [...rest, { type: 'upsert', resource: this.#node! }] : rest;
  }

  #isOwn(resource: AnyResource): resource is Node {
    return resource.kind === 'Node' && resource.metadata.name === this.#name;
  }
}

function stateOf({ spec: { unschedulable, taints }, status }: Node): State {
  const { networkUnavailable, shuttingDown } = status ?? {};
  const state = {
    spec: { ...(unschedulable !== undefined && { unschedulable }), ...(taints !== undefined && { taints }) },
    status: {
      ...(networkUnavailable !== undefined && { networkUnavailable }),
      ...(shuttingDown !== undefined && { shuttingDown }),
    },
  };
  return isDeepStrictEqual(state, NOTHING) ? NOTHING : state;
}

/** In which order resources reach export policies and the labels of routes to services that these policies are asked about. */
import type { ClusterView } from '../resources/cluster-view.ts';
import { peerSelectorsOf } from './service-exports.ts';

/**
 * Passes resources on to the services at once, unless they pick peers by a selector that export policies don't know yet: no
 * peer would count as picked, and each would hear routes withdrawn. Then they wait until the policies know it.
 */
export class ServiceContexts {
  private readonly pass: (view: ClusterView) => void;
  /** What the services pick peers by. */
  private selectors: ReadonlySet<string> = new Set();
  private waiting: ClusterView | undefined;

  constructor(pass: (view: ClusterView) => void) {
    this.pass = pass;
  }

  /** Takes other resources. `hasPolicies` is whether any policies are in force: else nobody is told anything. */
  take(view: ClusterView, hasPolicies: boolean): void {
    const isKnown = [...peerSelectorsOf(view)].every((text) => this.selectors.has(text));
    if (isKnown || !hasPolicies) this.passOn(view);
    else this.waiting = view;
  }

  /** The policies are those of these resources now, as far as they can be had. */
  policiesKnow(view: ClusterView): void {
    if (this.waiting === view) this.passOn(view);
  }

  private passOn(view: ClusterView): void {
    this.waiting = undefined;
    this.selectors = peerSelectorsOf(view);
    this.pass(view);
  }
}

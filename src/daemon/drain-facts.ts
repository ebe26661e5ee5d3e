/** What is known of this node that may ask for a drain, or says that a stop is not a restart. Pure. */
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Config } from '../process/config.ts';

export type DrainSettings = Config['drain'];

/** What the Node resource says. */
export interface NodeFacts {
  readonly cordoned: boolean;
  /** An administrator says that the machine is down, and its pods are started elsewhere. */
  readonly outOfService: boolean;
  readonly networkUnavailable: boolean;
  /** Why the machine is about to go down, as part of a sentence; undefined where nothing says so. */
  readonly goesDown: string | undefined;
}

export const NO_FACTS: NodeFacts = {
  cordoned: false,
  outOfService: false,
  networkUnavailable: false,
  goesDown: undefined,
};

/** Set by hand on a node that was shut down (KEP-2268). */
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** Taints of nodes that are about to go, with who sets them. */
const GOING: Readonly<Record<string, string>> = {
  'node.cloudprovider.kubernetes.io/shutdown': 'the cloud provider',
  ToBeDeletedByClusterAutoscaler: 'the cluster autoscaler',
  'karpenter.sh/disrupted': 'Karpenter',
};

/** What the resources say of the node; undefined where they don't know it, which says nothing. */
export function nodeFacts(view: ClusterView, nodeName: string): NodeFacts | undefined {
  const node = view.get('Node', nodeName);
  if (node === undefined) return undefined;
  const { unschedulable, taints = [] } = node.spec;
  const keys = taints.map(({ key }) => key);
  return {
    cordoned: unschedulable === true,
    outOfService: keys.includes(OUT_OF_SERVICE),
    networkUnavailable: node.status?.networkUnavailable === true,
    goesDown: goesDown(keys, node.status?.shuttingDown === true),
  };
}

function goesDown(taints: readonly string[], shuttingDown: boolean): string | undefined {
  if (shuttingDown) return 'kubelet says that the machine is shutting down';
  if (taints.includes(OUT_OF_SERVICE)) return `the node has the taint ${OUT_OF_SERVICE}`;
  const taint = taints.find((key) => Object.hasOwn(GOING, key));
  return taint === undefined ? undefined : `the node has the taint ${taint} of ${GOING[taint]}`;
}

/** Why a signal to stop is not one to restart, as part of a sentence; undefined where it is. */
export function whyStopDrains(
  onStop: DrainSettings['onStop'],
  facts: NodeFacts,
  state: { readonly draining: boolean; readonly systemStops: boolean },
): string | undefined {
  if (onStop === 'never') return undefined;
  if (state.systemStops) return 'the system is shutting down';
  if (facts.goesDown !== undefined) return facts.goesDown;
  if (onStop === 'always') return 'drain.onStop is "always"';
  if (onStop === 'nodeStops') return undefined;
  if (facts.cordoned) return 'the node is cordoned';
  return state.draining ? 'the node is drained' : undefined;
}

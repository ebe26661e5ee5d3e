/** A datastore with a large cluster in it, and what changes there. */
import { DUT_ASN } from '../plan.ts';

/** How large it is. */
export interface ClusterSize {
  readonly nodes: number;
  readonly blocksPerNode: number;
}

/** What the nodes of a cluster and their agents write while the daemon runs. */
export interface ClusterStore extends AsyncDisposable {
  /** On the loopback interface. */
  readonly port: number;
  /** `datastore` of the daemon's configuration. */
  readonly settings: object;
  /** Gives a node another label, as whoever manages nodes does. */
  label(node: number, value: string): Promise<void>;
  /** Gives a node another address. */
  move(node: number, address: string): Promise<void>;
  /** Gives the daemon's node a block more. */
  addBlock(cidr: string): Promise<void>;
  removeBlock(cidr: string): Promise<void>;
}

/** Settings of a cluster with a full mesh. */
export const CLUSTER_SETTINGS = { nodeToNodeMeshEnabled: true, asNumber: DUT_ASN, nodeMeshMaxRestartTime: '1s' };

/** Numbers from 0 on. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Works through all items, so many at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const rest = items.values();
  const one = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: width }, one));
}

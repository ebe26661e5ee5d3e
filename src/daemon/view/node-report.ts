/** What a CalicoNodeStatus gets to know, put together from what the API shows. */
import type { DaemonView } from '../../api/daemon-view.ts';
import { readinessChecks } from '../../api/readiness.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { CalicoNodeStatus } from '../../resources/kinds/calico-node-status.ts';
import { nodeRoutes } from './node-routes.ts';
import type { NodeRouteSources } from './node-routes.ts';
import { nodeStatus } from './node-status.ts';

/** Most routes in one object: with IPv6 they are a megabyte, and etcd takes no more than one and a half. */
const MAX_ROUTES = 5_000;

/** What the API doesn't show; instants in milliseconds since 1970. */
export interface NodeReportSources extends Pick<NodeRouteSources, 'find'> {
  readonly now: number;
  /** When a resource changed last; undefined before any did. */
  readonly lastChange: number | undefined;
  readonly workloads: readonly Prefix[];
}

/** The report with the parts that are asked for; `cut` where there are more routes than it may hold. */
export async function nodeReport(
  daemon: Pick<DaemonView, 'status' | 'peers' | 'routes'>,
  classes: CalicoNodeStatus['spec']['classes'],
  { now, lastChange, workloads, find }: NodeReportSources,
): Promise<{ readonly status: NonNullable<CalicoNodeStatus['status']>; readonly cut: boolean }> {
  const status = daemon.status();
  const peers = daemon.peers();
  const listed = classes.includes('Routes')
    ? await nodeRoutes(
        {
          routes: (query, position, limit) => daemon.routes(query, position, limit),
          find,
          peerTypes: new Map(peers.map(({ address, type }) => [address, type])),
          workloads: new Set(workloads.map(formatPrefix)),
        },
        MAX_ROUTES,
      )
    : undefined;
  const report = nodeStatus(classes, {
    now,
    version: status.version,
    routerId: status.routerId,
    isReady: readinessChecks(status, 'none').every(({ ok }) => ok),
    started: status.started.epochSeconds * 1000,
    lastChange,
    peers,
    routes: listed?.routes,
  });
  return { status: report, cut: listed?.cut ?? false };
}

import type { PeerSummary, StatusReport } from '../../api/types.ts';
import type { CommandContext } from '../command.ts';
import { present } from '../output/present.ts';
import { nodeStatus, renderNodeStatus } from '../views/node-status-view.ts';

/** `starling node status` */
export async function showNodeStatus(context: CommandContext): Promise<number> {
  const { client } = context;
  await present(
    context,
    async () => {
      const [status, { peers }] = await Promise.all([
        client.get<StatusReport>('/api/v1/status'),
        client.get<{ peers: readonly PeerSummary[] }>('/api/v1/peers'),
      ]);
      return nodeStatus(status, peers);
    },
    renderNodeStatus,
  );
  return 0;
}

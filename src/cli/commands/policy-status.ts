import type { AgentStatusReport } from '../../api/agent-types.ts';
import type { CommandContext } from '../command.ts';
import { present } from '../output/present.ts';
import { renderPolicyStatus } from '../views/policy-status-view.ts';

/** `starling policy status` */
export async function showPolicyStatus(context: CommandContext): Promise<number> {
  await present(context, () => context.client.get<AgentStatusReport>('/api/v1/status'), renderPolicyStatus);
  return 0;
}

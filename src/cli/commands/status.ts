import type { StatusReport } from '../../api/types.ts';
import type { CommandContext } from '../command.ts';
import { present } from '../output/present.ts';
import { renderStatus } from '../views/status-view.ts';

/** `starling status` */
export async function showStatus(context: CommandContext): Promise<number> {
  await present(context, () => context.client.get<StatusReport>('/api/v1/status'), renderStatus);
  return 0;
}

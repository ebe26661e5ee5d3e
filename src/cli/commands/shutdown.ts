import type { ActionResult } from '../../api/types.ts';
import type { CommandContext } from '../command.ts';

/** `starling shutdown` */
export async function shutDown({ client, io, options }: CommandContext): Promise<number> {
  const body = { forGood: options.forGood ?? false };
  const { words } = await client.change<ActionResult>('POST', '/api/v1/shutdown', {}, body);
  await io.write(`${words}\n`);
  return 0;
}

import type { ProcessEvent } from '../../api/types.ts';
import type { CommandContext } from '../command.ts';
import { present } from '../output/present.ts';
import { styleOf } from '../output/style.ts';
import { renderEvent } from '../views/event-view.ts';

/** `starling events` */
export async function showEvents(context: CommandContext): Promise<number> {
  if (context.options.follow) return followEvents(context);
  const load = (): Promise<{ events: ProcessEvent[] }> => context.client.get('/api/v1/events');
  await present(context, load, ({ events }, style) => events.map((event) => renderEvent(event, style)).join(''));
  return 0;
}

/** Until the user stops it; one event a line, a document each in YAML. */
async function followEvents(context: CommandContext): Promise<number> {
  const format = await eventFormat(context);
  for await (const event of context.client.events(0)) await context.io.write(format(event));
  return 0;
}

async function eventFormat(context: CommandContext): Promise<(event: ProcessEvent) => string> {
  const { output } = context.options;
  if (output === 'json') return (event) => `${JSON.stringify(event)}\n`;
  if (output === 'yaml') {
    const { stringify } = await import('yaml');
    return (event) => `---\n${stringify(event)}`;
  }
  const style = styleOf(context);
  return (event) => renderEvent(event, style);
}

/** Shows an answer in the format asked for, once or again and again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command.ts';
import { styleOf } from './style.ts';
import type { Style } from './style.ts';

const DEFAULT_INTERVAL = 2;

/** Moves to the upper left corner and clears the rest of the screen. */
const CLEAR = '\u001B[H\u001B[J';

/**
 * Loads a value and shows it; with `--watch` until the user stops it. Returns the last value. A daemon that goes away is
 * an error at first, and shown as the answer afterwards.
 */
export async function present<T>(
  context: CommandContext,
  load: () => Promise<T>,
  render: (value: T, style: Style) => string,
): Promise<T> {
  let value = await load();
  await repeat(context, async (round) => {
    if (round > 0) value = await load();
    await context.io.write(await format(value, context, render));
  });
  return value;
}

/** Shows something with `show`: once, or with `--watch` until the user stops it. */
export async function repeat(context: CommandContext, show: (round: number) => Promise<void>): Promise<void> {
  const { io, options } = context;
  const interval = intervalOf(options.interval);
  for (let round = 0; ; round++) {
    if (options.watch && io.isTerminal) await io.write(CLEAR);
    try {
      await show(round);
    } catch (error) {
      if (io.signal.aborted && options.watch) return;
      if (!(error instanceof CliError) || round === 0) throw error;
      await io.write(`${error.message}\n`);
    }
    if (!options.watch) return;
    await sleep(interval * 1000, undefined, { signal: io.signal }).catch(() => undefined);
    if (io.signal.aborted) return;
  }
}

async function format<T>(
  value: T,
  context: CommandContext,
  render: (value: T, style: Style) => string,
): Promise<string> {
  const { output } = context.options;
  if (output === 'json') return `${JSON.stringify(value, undefined, 2)}\n`;
  if (output === 'yaml') return (await import('yaml')).stringify(value);
  return render(value, styleOf(context));
}

function intervalOf(text: string | undefined): number {
  const seconds = text === undefined ? DEFAULT_INTERVAL : Number(text);
  if (seconds > 0 && seconds <= 86_400) return seconds;
  throw new CliError(`--interval takes seconds, a number greater than 0, not "${text}"`, 2);
}

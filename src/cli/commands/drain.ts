import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionResult, DrainReport, StatusReport } from '../../api/types.ts';
import { durationSeconds } from '../../resources/duration.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command.ts';

/** Time between two looks with `--follow`, in milliseconds. */
const INTERVAL = 200;

/** As the API takes it, seconds. */
const LONGEST_WAIT = 86_400;

/** `starling drain` */
export async function drain(context: CommandContext): Promise<number> {
  const { wait, message, forGood = false } = context.options;
  return change(context, '/api/v1/drain', {
    forGood,
    ...(wait !== undefined && { waitSeconds: waitSeconds(wait) }),
    ...(message !== undefined && { message }),
  });
}

/** `starling undrain` */
export async function undrain(context: CommandContext): Promise<number> {
  return change(context, '/api/v1/undrain');
}

async function change(context: CommandContext, path: string, body?: object): Promise<number> {
  const { client, io, options } = context;
  const { words } = await client.change<ActionResult>('POST', path, {}, body);
  await io.write(`${words}\n`);
  if (options.follow) await follow(context);
  return 0;
}

function waitSeconds(text: string): number {
  const seconds = durationSeconds(text);
  if (seconds !== undefined && seconds >= 0 && seconds <= LONGEST_WAIT) return seconds;
  throw new CliError(`--wait takes a duration up to 24h, such as 90s or 2m, not "${text}"`, 2);
}

/** Shows each stage until there are no more, and with `--for-good` until the daemon is gone. */
async function follow({ client, io, options }: CommandContext): Promise<void> {
  let shown: DrainReport['stage'] | undefined;
  while (!io.signal.aborted) {
    let report: DrainReport;
    try {
      report = (await client.get<StatusReport>('/api/v1/status')).drain;
    } catch (error) {
      if (!(error instanceof CliError) || !options.forGood) throw error;
      await io.write('The daemon has stopped.\n');
      return;
    }
    const { stage, target, nextStageAt, words } = report;
    // While peers are being told nobody can say how long it takes.
    if (stage !== shown && (stage === target || nextStageAt !== null)) {
      shown = stage;
      await io.write(`${words}\n`);
    }
    if (stage === target && !options.forGood) return;
    await sleep(INTERVAL, undefined, { signal: io.signal }).catch(() => undefined);
  }
}

/** The file that keeps a drain over a restart of the daemon. There is none while the node serves. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { DRAIN_STAGES } from '../advertiser/drain.ts';
import { isMissing, reasonOf } from '../datastore/datastore-error.ts';

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

const rememberedDrain = z.object({
  stage: z.enum(DRAIN_STAGES),
  /** The command that asked for it; `wait` in seconds. */
  command: z.object({ message: z.string().optional(), wait: z.number().optional() }).optional(),
});
export type RememberedDrain = z.infer<typeof rememberedDrain>;
export type DrainCommand = NonNullable<RememberedDrain['command']>;

/** Where the drain of a node is remembered; undefined where there is no directory for it. */
export function drainFilePath(directory: string, nodeName: string): string | undefined {
  return directory === '' ? undefined : join(directory, `drain-${encodeURIComponent(nodeName)}.json`);
}

/** Reads the file; undefined where there is none. Throws an Error that says why it is of no use. */
export function readDrainFile(path: string): RememberedDrain | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new Error(`${path} can't be read: ${reasonOf(error)}`, { cause: error });
  }
  try {
    return rememberedDrain.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${path} does not hold the state of a drain`, { cause: error });
  }
}

/** Writes what is to be remembered, or removes the file. Throws the error of the file system. */
export function writeDrainFile(path: string, drain: RememberedDrain | undefined): void {
  if (drain === undefined) {
    rmSync(path, { force: true });
    return;
  }
  mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  const temporary = `${path}.new`;
  writeFileSync(temporary, `${JSON.stringify(drain)}\n`, { mode: FILE_MODE, flush: true });
  renameSync(temporary, path);
}

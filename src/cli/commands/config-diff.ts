import type { ConfigDiff } from '../../api/types.ts';
import { DatastoreError } from '../../datastore/datastore-error.ts';
import { loadResources } from '../../datastore/load-resources.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command.ts';
import { present } from '../output/present.ts';
import { renderConfigDiff } from '../views/config-diff-view.ts';

/** `starling config diff PATH`: exit codes as those of diff(1). */
export async function diffConfig(context: CommandContext): Promise<number> {
  const diff = await present(context, () => load(context), renderConfigDiff);
  if (!diff.valid) return 2;
  return diff.different ? 1 : 0;
}

async function load({ client, options, arguments: [path] }: CommandContext): Promise<ConfigDiff> {
  try {
    const { resources, problems } = await loadResources(path);
    const input = { resources, whole: options.whole === true };
    const diff = await client.change<ConfigDiff>('POST', '/api/v1/config/diff', {}, input);
    return {
      ...diff,
      valid: diff.valid && problems.every(({ severity }) => severity !== 'error'),
      // The daemon does not know the files.
      problems: problems.map(({ source: where, message, severity }) => ({ where, message, severity })),
    };
  } catch (error) {
    if (error instanceof DatastoreError || error instanceof CliError) throw new CliError(error.message, 2);
    throw error;
  }
}

import type { FibEntry } from '../../api/route-types.ts';
import { checkPrefix, familyName } from '../arguments.ts';
import type { CommandContext } from '../command.ts';
import { presentListing } from '../output/present-listing.ts';
import { DIFF_TABLE, fibColumns, renderWhy } from '../views/fib-view.ts';
import { byPrefix } from './route.ts';

/** `starling fib list [PREFIX]` */
export async function listFib(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const prefix = context.arguments.length === 0 ? undefined : checkPrefix(context.arguments[0]);
  const count = await presentListing<FibEntry>(context, {
    path: '/api/v1/fib',
    field: 'routes',
    query: { family: familyName(options.family), prefix, ...(options.why && { why: 'true' }) },
    ...fibColumns(options.output === 'wide'),
    ...(options.why && { paragraph: renderWhy }),
    compare: byPrefix,
  });
  if (count > 0) return 0;
  io.writeError(prefix === undefined ? 'no routes\n' : `the kernel has no route to ${prefix}, and should have none\n`);
  return prefix === undefined ? 0 : 1;
}

/** `starling fib diff`: exit code 1 where there is a difference. */
export async function diffFib(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const count = await presentListing<FibEntry>(context, {
    path: '/api/v1/fib',
    field: 'routes',
    query: { family: familyName(options.family), diff: 'true' },
    ...DIFF_TABLE,
    compare: byPrefix,
  });
  if (count > 0) return 1;
  io.writeError('in sync: the kernel has what it should have, and nothing else of ours\n');
  return 0;
}

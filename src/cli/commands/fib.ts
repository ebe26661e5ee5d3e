import type { FibEntry } from '../../api/types.ts';
import { familyName } from '../arguments.ts';
import type { CommandContext } from '../command.ts';
import { presentListing } from '../output/present-listing.ts';
import { FIB_COLUMNS, fibRow } from '../views/fib-view.ts';
import { byPrefix } from './route.ts';

/** `starling fib list` */
export async function listFib(context: CommandContext): Promise<number> {
  const count = await presentListing<FibEntry>(context, {
    path: '/api/v1/fib',
    query: { family: familyName(context.options.family) },
    columns: FIB_COLUMNS,
    toRow: fibRow,
    compare: byPrefix,
  });
  if (count === 0) context.io.writeError('no routes\n');
  return 0;
}

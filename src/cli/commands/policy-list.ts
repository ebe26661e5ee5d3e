import type { PolicyReport } from '../../api/agent-types.ts';
import type { CommandContext } from '../command.ts';
import { presentListing } from '../output/present-listing.ts';
import { policyColumns } from '../views/policy-list-view.ts';

/** `starling policy list` */
export async function listPolicies(context: CommandContext): Promise<number> {
  const count = await presentListing<PolicyReport>(context, {
    path: '/api/v1/policies',
    field: 'policies',
    query: {},
    ...policyColumns(context.options.output === 'wide'),
  });
  if (count === 0) context.io.writeError('no policies\n');
  return 0;
}

import type { EndpointReport } from '../../api/agent-types.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command.ts';
import { presentListing } from '../output/present-listing.ts';
import { endpointColumns } from '../views/policy-endpoint-list-view.ts';
import { renderEndpoint } from '../views/policy-endpoint-view.ts';

/** `starling policy endpoints [NAME]` */
export async function listEndpoints(context: CommandContext): Promise<number> {
  const { all, output } = context.options;
  const [name] = context.arguments as readonly (string | undefined)[];
  const count = await presentListing<EndpointReport>(context, {
    path: '/api/v1/endpoints',
    field: 'endpoints',
    query: { name, ...(all && { all: 'true' }) },
    ...endpointColumns(output === 'wide'),
    ...(name !== undefined && { paragraph: renderEndpoint }),
  });
  if (count > 0) return 0;
  if (name !== undefined) {
    const where = all ? 'no endpoint' : 'no endpoint of this node';
    const more = all ? '' : '; --all looks at other nodes and network sets, too';
    throw new CliError(`${where} has the name, interface or address ${name}${more}`);
  }
  context.io.writeError('no endpoints\n');
  return 0;
}

import type { ServiceExplanationReport, ServiceReport } from '../../api/service-types.ts';
import { serviceName } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command.ts';
import { present } from '../output/present.ts';
import { presentListing } from '../output/present-listing.ts';
import { renderService, whyNotAdvertised } from '../views/service-view.ts';
import { serviceColumns } from '../views/service-list-view.ts';

/** `starling service list` */
export async function listServices(context: CommandContext): Promise<number> {
  const { namespace, advertised, notAdvertised, output } = context.options;
  const count = await presentListing<ServiceReport>(context, {
    path: '/api/v1/services',
    field: 'services',
    query: { namespace, ...(advertised && { advertised: 'true' }), ...(notAdvertised && { advertised: 'false' }) },
    ...serviceColumns(output === 'wide'),
    compare: (a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name),
  });
  if (count > 0) return 0;
  const isNarrowed = namespace !== undefined || advertised || notAdvertised;
  context.io.writeError(isNarrowed ? 'no such services\n' : 'no services\n');
  return 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** `starling service explain NAMESPACE/NAME` */
export async function explainService(context: CommandContext): Promise<number> {
  const { client, options } = context;
  const query = serviceName(context.arguments[0]);
  const load = (): Promise<ServiceExplanationReport> => client.get('/api/v1/services/explain', query);
  const service = await present(context, load, renderService);
  const fault = options.expect === undefined ? undefined : whyNotAdvertised(service);
  if (fault === undefined) return 0;
  throw new CliError(`expected: advertised; but ${fault}`);
}

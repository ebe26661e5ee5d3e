import { parsePrefix } from '../../net/prefix.ts';
import type { RouteEntry, RouteExplanation, RouteViewName } from '../../api/route-types.ts';
import type { ActionResult, RouteInput } from '../../api/types.ts';
import { checkAddress, checkPrefix, checkU32, familyName } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext, CommandOptions } from '../command.ts';
import { present } from '../output/present.ts';
import { presentListing } from '../output/present-listing.ts';
import { renderExplanation } from '../views/explanation-view.ts';
import { routeColumns } from '../views/route-list-view.ts';

/** `starling route list [PREFIX]` */
export async function listRoutes(context: CommandContext): Promise<number> {
  const { io, options } = context;
  const prefix = context.arguments.length === 0 ? undefined : checkPrefix(context.arguments[0]);
  const view = viewOf(options);
  const match = options.longer ? 'longer' : options.shorter ? 'shorter' : undefined;
  if (match !== undefined && prefix === undefined) throw new CliError(`--${match} needs a PREFIX`, 2);
  const peer = options.peer === undefined ? undefined : checkAddress(options.peer, '--peer');
  if (view === 'advertised' && peer === undefined) throw new CliError('--advertised needs --peer ADDRESS', 2);
  const count = await presentListing<RouteEntry>(context, {
    path: '/api/v1/routes',
    field: 'routes',
    query: { view, family: familyName(options.family), peer, prefix, match },
    ...routeColumns(view, options.output === 'wide'),
    compare: byPrefix,
  });
  if (count > 0) return 0;
  io.writeError(prefix === undefined ? 'no routes\n' : `no such routes for ${prefix}\n`);
  return prefix === undefined ? 0 : 1;
}

function viewOf({ received, accepted, rejected, advertised }: CommandOptions): RouteViewName {
  if (received) return 'received';
  if (accepted) return 'accepted';
  if (rejected) return 'rejected';
  return advertised ? 'advertised' : 'best';
}

/** IPv4 before IPv6, then by address, then the shorter prefix first. */
export function byPrefix(a: { readonly prefix: string }, b: { readonly prefix: string }): number {
  const [first, second] = [parsePrefix(a.prefix), parsePrefix(b.prefix)];
  if (first.family !== second.family) return first.family - second.family;
  for (let i = 0; i < 4; i++) {
    if (first.words[i] !== second.words[i]) return first.words[i] - second.words[i];
  }
  return first.length - second.length;
}

/** `starling route explain PREFIX` */
export async function explainRoute(context: CommandContext): Promise<number> {
  const prefix = checkPrefix(context.arguments[0]);
  const load = (): Promise<RouteExplanation> => context.client.get('/api/v1/routes/explain', { prefix });
  const { match } = await present(context, load, renderExplanation);
  return match === null ? 1 : 0;
}

/** `starling route add PREFIX` */
export async function addRoute({ client, io, arguments: [prefix], options }: CommandContext): Promise<number> {
  const { nextHop, origin, asPath, med, localPref, community, largeCommunity } = options;
  const input: RouteInput = {
    prefix: checkPrefix(prefix),
    ...(nextHop === undefined ? {} : { nextHop: checkAddress(nextHop, '--next-hop') }),
    ...(origin === undefined ? {} : { origin }),
    ...(asPath === undefined ? {} : { asPath: asPath.split(/[ ,]+/).map((asn) => checkU32(asn, '--as-path')) }),
    ...(med === undefined ? {} : { med: checkU32(med, '--med') }),
    ...(localPref === undefined ? {} : { localPref: checkU32(localPref, '--local-pref') }),
    ...(community === undefined ? {} : { communities: [...community] }),
    ...(largeCommunity === undefined ? {} : { largeCommunities: [...largeCommunity] }),
  };
  const { words } = await client.change<ActionResult>('POST', '/api/v1/routes', {}, input);
  await io.write(`${words}\n`);
  return 0;
}

/** `starling route delete PREFIX` */
export async function deleteRoute({ client, io, arguments: [argument] }: CommandContext): Promise<number> {
  const prefix = checkPrefix(argument);
  const { words } = await client.change<ActionResult>('DELETE', '/api/v1/routes', { prefix });
  await io.write(`${words}\n`);
  return 0;
}

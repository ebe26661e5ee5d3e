/** Endpoints that show what the daemon knows. */
import { z } from 'zod';
import {
  addressParameter,
  booleanParameter,
  endpointsOf,
  familyParameter,
  prefixParameter,
  sendJson,
} from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { ApiError } from '../errors.ts';
import { sendListing } from '../listing.ts';
import { heldChanges, peerExplanation } from '../peer-explanation-types.ts';
import { readinessChecks } from '../readiness.ts';
import { fibEntry, prefixMatch, routeEntry, routeExplanation, routeView } from '../route-types.ts';
import { daemonEvent, peerDetail, peerSummary, statusReport } from '../types.ts';
import type { DaemonView, FibQuery, RouteQuery } from '../daemon-view.ts';
import { events, readiness, sendReadiness } from './common.ts';
import { DEFAULT_LIMIT, nextCursor, pagingParameters } from './paging.ts';

const defineEndpoint = endpointsOf<DaemonView>();

const status = defineEndpoint({
  method: 'GET',
  path: '/api/v1/status',
  summary: 'The daemon at a glance, and what is wrong with it.',
  answer: statusReport,
  handle: (_input, { view: daemon, response }) => sendJson(response, daemon.status()),
});

const peers = defineEndpoint({
  method: 'GET',
  path: '/api/v1/peers',
  summary: 'All peers.',
  answer: z.object({ peers: z.array(peerSummary) }),
  handle: (_input, { view: daemon, response }) => sendJson(response, { peers: daemon.peers() }),
});

const peer = defineEndpoint({
  method: 'GET',
  path: '/api/v1/peers/{address}',
  summary: 'One peer with all that is known about it.',
  pathParameters: { address: addressParameter },
  answer: peerDetail,
  errors: [404],
  handle: ({ path }, { view: daemon, response }) => {
    const found = daemon.peer(path.address);
    if (found === undefined) throw new ApiError('NOT_FOUND', `there is no peer ${path.address}`);
    sendJson(response, found);
  },
});

const heldBack = defineEndpoint({
  method: 'GET',
  path: '/api/v1/peers/held',
  summary: 'What the resources ask for and waits for a confirmation, because it takes too many sessions away.',
  answer: heldChanges,
  handle: (_input, { view: daemon, response }) => sendJson(response, daemon.heldChanges()),
});

const explainPeer = defineEndpoint({
  method: 'GET',
  path: '/api/v1/peers/explain',
  summary: 'Why there is a peer, or why not, and how its session is.',
  queryParameters: { of: z.string().min(1).describe('Address of a peer, name of a node or of a BGPPeer.') },
  answer: peerExplanation,
  handle: ({ query }, { view: daemon, response }) => sendJson(response, daemon.explainPeer(query.of)),
});

const routes = defineEndpoint({
  method: 'GET',
  path: '/api/v1/routes',
  summary: 'Routes: the best ones, or those received from or advertised to peers.',
  queryParameters: {
    view: routeView
      .optional()
      .describe(
        'Default `best`. `received` is before, `accepted` after the import filters; `advertised` needs `peer`.',
      ),
    family: familyParameter.optional(),
    peer: addressParameter.optional(),
    prefix: prefixParameter.optional(),
    match: prefixMatch.optional().describe('With `prefix`, default `exact`; `longer` and `shorter` include it.'),
    ...pagingParameters,
  },
  answer: z.object({ routes: z.array(routeEntry), nextCursor }),
  errors: [404],
  handle: async ({ query }, { view: daemon, response }) => {
    const { view = 'best', match = 'exact', family, peer, prefix, limit = DEFAULT_LIMIT, cursor = 0 } = query;
    if (view === 'advertised' && peer === undefined) {
      throw new ApiError('INVALID', 'the view "advertised" needs the query parameter "peer"');
    }
    const routeQuery: RouteQuery = {
      view,
      match,
      ...(family === undefined ? {} : { family }),
      ...(peer === undefined ? {} : { peer }),
      ...(prefix === undefined ? {} : { prefix }),
    };
    const source = (position: number, count: number) => daemon.routes(routeQuery, position, count);
    await sendListing(response, 'routes', source, cursor, limit);
  },
});

const explain = defineEndpoint({
  method: 'GET',
  path: '/api/v1/routes/explain',
  summary: 'Why the route to a prefix or address is what it is, who was told of it, and what the kernel has.',
  queryParameters: { prefix: prefixParameter },
  answer: routeExplanation,
  handle: async ({ query }, { view: daemon, response }) => sendJson(response, await daemon.explain(query.prefix)),
});

const fib = defineEndpoint({
  method: 'GET',
  path: '/api/v1/fib',
  summary: 'Routes that the kernel has, or should have, from this daemon.',
  queryParameters: {
    family: familyParameter.optional(),
    prefix: prefixParameter.optional().describe('Just the route of this prefix.'),
    diff: booleanParameter.optional().describe('`true`: only where the kernel differs from what it should have.'),
    why: booleanParameter.optional().describe('`true`: with the paths and rules that chose each route.'),
    ...pagingParameters,
  },
  answer: z.object({ routes: z.array(fibEntry), nextCursor }),
  errors: [409],
  handle: async ({ query }, { view: daemon, response }) => {
    const { family, prefix, diff = false, why = false, limit = DEFAULT_LIMIT, cursor = 0 } = query;
    const fibQuery: FibQuery = {
      differencesOnly: diff,
      why,
      ...(family === undefined ? {} : { family }),
      ...(prefix === undefined ? {} : { prefix }),
    };
    const source = (position: number, count: number) => daemon.fib(fibQuery, position, count);
    await sendListing(response, 'routes', source, cursor, limit);
  },
});

const readyz = defineEndpoint({
  method: 'GET',
  path: '/readyz',
  summary:
    'Readiness: configuration loaded, datastore synced, kernel in sync, peers as asked; 503 if not, reasons in the body.',
  queryParameters: {
    peers: z
      .enum(['none', 'any', 'all'])
      .optional()
      .describe(
        'Sessions that must be established, default `any`: one, or none where no peer exists; `all`: all not disabled.',
      ),
  },
  answer: readiness,
  alsoStatus: [503],
  handle: ({ query }, { view: daemon, response }) =>
    sendReadiness(response, readinessChecks(daemon.status(), query.peers ?? 'any')),
});

/** The reading part of the route table. */
export const READING: readonly Endpoint<DaemonView>[] = [
  status,
  peers,
  heldBack,
  explainPeer,
  peer,
  routes,
  explain,
  fib,
  events(daemonEvent),
  readyz,
];

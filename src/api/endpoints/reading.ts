/** Endpoints that show what the daemon knows. */
import { z } from 'zod';
import {
  addressParameter,
  booleanParameter,
  defineEndpoint,
  familyParameter,
  numberParameter,
  prefixParameter,
  sendJson,
} from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { ApiError } from '../errors.ts';
import { sendEventStream } from '../event-stream.ts';
import { sendListing } from '../listing.ts';
import { heldChanges, peerExplanation } from '../peer-explanation-types.ts';
import { fibEntry, prefixMatch, routeEntry, routeExplanation, routeView } from '../route-types.ts';
import { daemonEvent, peerDetail, peerSummary, statusReport } from '../types.ts';
import type { FibQuery, RouteQuery } from '../daemon-view.ts';
import { DEFAULT_LIMIT, nextCursor, pagingParameters } from './paging.ts';

const status = defineEndpoint({
  method: 'GET',
  path: '/api/v1/status',
  summary: 'The daemon at a glance, and what is wrong with it.',
  answer: statusReport,
  handle: (_input, { daemon, response }) => sendJson(response, daemon.status()),
});

const peers = defineEndpoint({
  method: 'GET',
  path: '/api/v1/peers',
  summary: 'All peers.',
  answer: z.object({ peers: z.array(peerSummary) }),
  handle: (_input, { daemon, response }) => sendJson(response, { peers: daemon.peers() }),
});

const peer = defineEndpoint({
  method: 'GET',
  path: '/api/v1/peers/{address}',
  summary: 'One peer with all that is known about it.',
  pathParameters: { address: addressParameter },
  answer: peerDetail,
  errors: [404],
  handle: ({ path }, { daemon, response }) => {
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
  handle: (_input, { daemon, response }) => sendJson(response, daemon.heldChanges()),
});

const explainPeer = defineEndpoint({
  method: 'GET',
  path: '/api/v1/peers/explain',
  summary: 'Why there is a peer, or why not, and how its session is.',
  queryParameters: { of: z.string().min(1).describe('Address of a peer, name of a node or of a BGPPeer.') },
  answer: peerExplanation,
  handle: ({ query }, { daemon, response }) => sendJson(response, daemon.explainPeer(query.of)),
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
  handle: async ({ query }, { daemon, response }) => {
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
  handle: async ({ query }, { daemon, response }) => sendJson(response, await daemon.explain(query.prefix)),
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
  handle: async ({ query }, { daemon, response }) => {
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

const events = defineEndpoint({
  method: 'GET',
  path: '/api/v1/events',
  summary: 'Events still kept; as server-sent events, for ever, with `Accept: text/event-stream`.',
  queryParameters: {
    after: numberParameter(Number.MAX_SAFE_INTEGER).optional().describe('Only events with a greater id.'),
  },
  answer: z.object({ events: z.array(daemonEvent) }),
  handle: ({ query }, { daemon, response, headers }) => {
    const lastSeen = String(headers['last-event-id'] ?? '');
    const after = query.after ?? (/^\d{1,15}$/.test(lastSeen) ? Number(lastSeen) : 0);
    if (String(headers.accept ?? '').includes('text/event-stream')) sendEventStream(response, daemon, after);
    else sendJson(response, { events: daemon.events(after) });
  },
});

/** The reading part of the route table. */
export const READING: readonly Endpoint[] = [status, peers, heldBack, explainPeer, peer, routes, explain, fib, events];

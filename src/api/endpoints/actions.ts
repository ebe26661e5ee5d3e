/** Endpoints that change something; they are served over the Unix socket only. */
import { z } from 'zod';
import type { DaemonView } from '../daemon-view.ts';
import { addressParameter, endpointsOf, prefixParameter, sendJson } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { ApiError } from '../errors.ts';
import { tryParseAddress } from '../../net/address.ts';
import { tryParsePrefix } from '../../net/prefix.ts';
import { actionResult, configDiff, configDiffInput, drainInput, resetKind, routeInput } from '../types.ts';
import { shutdown } from './common.ts';

const defineEndpoint = endpointsOf<DaemonView>();

const reset = defineEndpoint({
  method: 'POST',
  path: '/api/v1/peers/{address}/reset',
  summary: 'Closes the session, or exchanges the routes again without closing it.',
  pathParameters: { address: addressParameter },
  body: z.strictObject({
    kind: resetKind
      .default('hard')
      .describe('`hard` closes the session; `in` asks the peer for its routes (RFC 2918); `out` sends ours again.'),
  }),
  answer: actionResult,
  errors: [404, 409],
  handle: async ({ path, body }, { view: daemon, response }) =>
    sendJson(response, await daemon.peerReset(path.address, body.kind)),
});

const disable = defineEndpoint({
  method: 'POST',
  path: '/api/v1/peers/{address}/disable',
  summary: 'Closes the session and keeps it closed.',
  pathParameters: { address: addressParameter },
  body: z.strictObject({
    message: z
      .string()
      .refine((text) => Buffer.byteLength(text) <= 255, 'must be at most 255 bytes of UTF-8 (RFC 9003)')
      .optional()
      .describe('Sent to the peer (RFC 9003).'),
  }),
  answer: actionResult,
  errors: [404],
  handle: async ({ path, body }, { view: daemon, response }) =>
    sendJson(response, await daemon.peerDisable(path.address, body.message)),
});

const enable = defineEndpoint({
  method: 'POST',
  path: '/api/v1/peers/{address}/enable',
  summary: 'Lets a disabled session come up again.',
  pathParameters: { address: addressParameter },
  answer: actionResult,
  errors: [404],
  handle: async ({ path }, { view: daemon, response }) => sendJson(response, await daemon.peerEnable(path.address)),
});

const confirm = defineEndpoint({
  method: 'POST',
  path: '/api/v1/peers/confirm',
  summary: 'Does to sessions what the resources ask for and was held back.',
  answer: actionResult,
  handle: async (_input, { view: daemon, response }) => sendJson(response, await daemon.peerConfirm()),
});

const routeAdd = defineEndpoint({
  method: 'POST',
  path: '/api/v1/routes',
  summary: 'Originates a route until the daemon restarts.',
  body: routeInput,
  answer: actionResult,
  errors: [409],
  handle: async ({ body }, { view: daemon, response }) => {
    const prefix = tryParsePrefix(body.prefix);
    if (prefix === undefined) throw new ApiError('INVALID', `field "prefix": "${body.prefix}" is not an IP prefix`);
    if (body.nextHop !== undefined && tryParseAddress(body.nextHop) === undefined) {
      throw new ApiError('INVALID', `field "nextHop": "${body.nextHop}" is not an IP address`);
    }
    sendJson(response, await daemon.routeAdd(prefix, body));
  },
});

const routeDelete = defineEndpoint({
  method: 'DELETE',
  path: '/api/v1/routes',
  summary: 'Removes a route that was added through the API.',
  queryParameters: { prefix: prefixParameter },
  answer: actionResult,
  errors: [404],
  handle: async ({ query }, { view: daemon, response }) => sendJson(response, await daemon.routeDelete(query.prefix)),
});

const drain = defineEndpoint({
  method: 'POST',
  path: '/api/v1/drain',
  summary:
    'Takes the node out of the network in order: GRACEFUL_SHUTDOWN first, then without services, then without pods.',
  body: drainInput,
  answer: actionResult,
  handle: async ({ body }, { view: daemon, response }) => sendJson(response, await daemon.drain(body)),
});

const undrain = defineEndpoint({
  method: 'POST',
  path: '/api/v1/undrain',
  summary: 'Ends a drain that was asked for through the API: pods come back first, then services.',
  answer: actionResult,
  handle: async (_input, { view: daemon, response }) => sendJson(response, await daemon.undrain()),
});

/** Resources of a large cluster. */
const MAX_RESOURCES = 64 * 1024 * 1024;

const diff = defineEndpoint({
  method: 'POST',
  path: '/api/v1/config/diff',
  summary: 'What the node would do differently with these resources. Changes nothing.',
  body: configDiffInput,
  maxBody: MAX_RESOURCES,
  answer: configDiff,
  handle: async ({ body }, { view: daemon, response }) => sendJson(response, await daemon.configDiff(body)),
});

/** The changing part of the route table. */
export const ACTIONS: readonly Endpoint<DaemonView>[] = [
  diff,
  reset,
  disable,
  enable,
  confirm,
  routeAdd,
  routeDelete,
  drain,
  undrain,
  shutdown('Stops the daemon: for a restart, or for good with all routes withdrawn.'),
];

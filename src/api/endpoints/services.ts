/** Endpoints that show what is advertised for services. */
import { z } from 'zod';
import type { DaemonView, ServiceQuery } from '../daemon-view.ts';
import { booleanParameter, endpointsOf, sendJson } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { ApiError } from '../errors.ts';
import { sendListing } from '../listing.ts';
import { serviceExplanation, serviceSummary } from '../service-types.ts';
import { DEFAULT_LIMIT, nextCursor, pagingParameters } from './paging.ts';

const defineEndpoint = endpointsOf<DaemonView>();

const list = defineEndpoint({
  method: 'GET',
  path: '/api/v1/services',
  summary: 'Services, and what of them is advertised by this node.',
  queryParameters: {
    namespace: z.string().min(1).optional().describe('Only services of this namespace.'),
    advertised: booleanParameter
      .optional()
      .describe('`true`: only services of which an address is advertised; `false`: only those of which none is.'),
    ...pagingParameters,
  },
  answer: z.object({ services: z.array(serviceSummary), nextCursor }),
  handle: async ({ query }, { view: daemon, response }) => {
    const { namespace, advertised, limit = DEFAULT_LIMIT, cursor = 0 } = query;
    const serviceQuery: ServiceQuery = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(advertised === undefined ? {} : { advertised }),
    };
    const source = (position: number, count: number) => daemon.services(serviceQuery, position, count);
    await sendListing(response, 'services', source, cursor, limit);
  },
});

const explain = defineEndpoint({
  method: 'GET',
  path: '/api/v1/services/explain',
  summary: 'Each address of a service: advertised or not, why, to which peers and on which terms.',
  queryParameters: { namespace: z.string().min(1), name: z.string().min(1) },
  answer: serviceExplanation,
  errors: [404],
  handle: ({ query: { namespace, name } }, { view: daemon, response }) => {
    const found = daemon.explainService(namespace, name);
    if (found === undefined) {
      throw new ApiError('NOT_FOUND', `the resources that the daemon has hold no Service ${namespace}/${name}`);
    }
    sendJson(response, found);
  },
});

/** The part of the route table that is about services. */
export const SERVICES: readonly Endpoint<DaemonView>[] = [list, explain];

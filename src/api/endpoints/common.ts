/** Endpoints that every process of Starling has. */
import { z } from 'zod';
import { endpointsOf, numberParameter, sendJson } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { sendEventStream } from '../event-stream.ts';
import type { Renderer } from '../metrics/metrics-renderer.ts';
import type { ProcessView } from '../process-view.ts';
import type { ReadinessCheck } from '../readiness.ts';
import { actionResult } from '../types.ts';
import type { ServerResponse } from 'node:http';

const defineEndpoint = endpointsOf<ProcessView>();

/** `schema`: the shape of one event. */
export function events(schema: z.ZodType): Endpoint<ProcessView> {
  return defineEndpoint({
    method: 'GET',
    path: '/api/v1/events',
    summary: 'Events still kept; as server-sent events, for ever, with `Accept: text/event-stream`.',
    queryParameters: {
      after: numberParameter(Number.MAX_SAFE_INTEGER).optional().describe('Only events with a greater id.'),
    },
    answer: z.object({ events: z.array(schema) }),
    handle: ({ query }, { view, response, headers }) => {
      const lastSeen = String(headers['last-event-id'] ?? '');
      const after = query.after ?? (/^\d{1,15}$/.test(lastSeen) ? Number(lastSeen) : 0);
      if (String(headers.accept ?? '').includes('text/event-stream')) sendEventStream(response, view, after);
      else sendJson(response, { events: view.events(after) });
    },
  });
}

export function shutdown(summary: string): Endpoint<ProcessView> {
  return defineEndpoint({
    method: 'POST',
    path: '/api/v1/shutdown',
    summary,
    body: z.strictObject({ forGood: z.boolean().default(false) }),
    answer: actionResult,
    handle: async ({ body }, { view, response }) => sendJson(response, await view.shutdown(body.forGood)),
  });
}

export const HEALTHZ: Endpoint<ProcessView> = defineEndpoint({
  method: 'GET',
  path: '/healthz',
  summary:
    'Liveness: that it answers shows that the event loop turns. It says nothing about anything else, on purpose.',
  answer: z.object({ alive: z.literal(true) }),
  handle: (_input, { response }) => sendJson(response, { alive: true }),
});

export function metrics<V>(renderer: Renderer<V>): Endpoint<V> {
  return endpointsOf<V>()({
    method: 'GET',
    path: '/metrics',
    summary: 'Metrics in the Prometheus text format.',
    answer: 'text/plain; version=0.0.4; charset=utf-8',
    handle: async (_input, { view, response }) => {
      const text = await renderer.render(view);
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(text);
    },
  });
}

export const readiness = z.object({
  ready: z.boolean(),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), words: z.string() })),
});

/** 200 where all checks are passed, else 503. */
export function sendReadiness(response: ServerResponse, checks: readonly ReadinessCheck[]): void {
  const ready = checks.every((check) => check.ok);
  sendJson(response, { ready, checks }, ready ? 200 : 503);
}

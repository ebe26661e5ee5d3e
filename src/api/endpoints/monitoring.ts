/** Endpoints for machines: metrics and probes. */
import { z } from 'zod';
import { defineEndpoint, sendJson } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import type { MetricsRenderer } from '../metrics/metrics-renderer.ts';
import { readinessChecks } from '../readiness.ts';

const healthz = defineEndpoint({
  method: 'GET',
  path: '/healthz',
  summary: 'Liveness: that it answers shows that the event loop turns. It says nothing about peers, on purpose.',
  answer: z.object({ alive: z.literal(true) }),
  handle: (_input, { response }) => sendJson(response, { alive: true }),
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
  answer: z.object({
    ready: z.boolean(),
    checks: z.array(z.object({ name: z.string(), ok: z.boolean(), words: z.string() })),
  }),
  alsoStatus: [503],
  handle: ({ query }, { daemon, response }) => {
    const checks = readinessChecks(daemon.status(), query.peers ?? 'any');
    const ready = checks.every((check) => check.ok);
    sendJson(response, { ready, checks }, ready ? 200 : 503);
  },
});

function metrics(renderer: MetricsRenderer): Endpoint {
  return defineEndpoint({
    method: 'GET',
    path: '/metrics',
    summary: 'Metrics in the Prometheus text format.',
    answer: 'text/plain; version=0.0.4; charset=utf-8',
    handle: async (_input, { daemon, response }) => {
      const text = await renderer.render(daemon);
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(text);
    },
  });
}

/** The monitoring part of the route table. */
export function monitoring(renderer: MetricsRenderer): readonly Endpoint[] {
  return [metrics(renderer), healthz, readyz];
}

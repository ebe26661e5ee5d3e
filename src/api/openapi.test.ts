import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SERVICE_EXPLANATION, SERVICES as SERVICE_REPORTS } from '../../test/support/fake-services.ts';
import { event } from '../../test/support/fake-daemon-view.ts';
import { NODE_2, TOR_A } from '../../test/support/fake-peers.ts';
import { EXPLANATION, ROUTES } from '../../test/support/fake-routes.ts';
import { HEALTHY } from '../../test/support/fake-status.ts';
import { DAEMON_ENDPOINTS } from './daemon-server.ts';
import { describeApi } from './openapi.ts';
import { routeEntry, routeExplanation } from './route-types.ts';
import { serviceExplanation, serviceSummary } from './service-types.ts';
import { daemonEvent, peerDetail, statusReport } from './types.ts';

const document = describeApi(DAEMON_ENDPOINTS, { version: '0.1.0', description: 'The daemon.' });
const text = JSON.stringify(document);

describe('OpenAPI description', () => {
  it('describes parameters, bodies and answers of an endpoint', () => {
    expect(document).toMatchObject({
      openapi: '3.1.0',
      paths: {
        '/api/v1/peers/{address}': {
          get: {
            parameters: [{ name: 'address', in: 'path', required: true, schema: { type: 'string' } }],
            responses: {
              200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Peer' } } } },
              404: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
            },
          },
        },
        '/api/v1/routes': {
          get: { parameters: expect.arrayContaining([expect.objectContaining({ name: 'view', required: false })]) },
          post: {
            requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/RouteInput' } } } },
          },
        },
      },
    });
  });

  it('has every component that it refers to', () => {
    const { components } = z
      .object({ components: z.object({ schemas: z.record(z.string(), z.unknown()) }) })
      .parse(document);
    const references = [...text.matchAll(/"\$ref":"([^"]*)"/g)].map((match) => match[1]);
    expect(references.length).toBeGreaterThan(10);
    for (const reference of new Set(references)) {
      expect(reference).toMatch(/^#\/components\/schemas\//);
      expect(Object.keys(components.schemas)).toContain(reference.slice('#/components/schemas/'.length));
    }
  });

  it('describes the shapes that the daemon answers with', () => {
    expect(statusReport.strict().parse(HEALTHY)).toEqual(HEALTHY);
    for (const peer of [TOR_A, NODE_2]) expect(peerDetail.strict().parse(peer)).toEqual(peer);
    for (const route of ROUTES) expect(routeEntry.strict().parse(route)).toEqual(route);
    expect(routeExplanation.parse(EXPLANATION)).toEqual(EXPLANATION);
    for (const service of SERVICE_REPORTS) expect(serviceSummary.strict().parse(service)).toEqual(service);
    expect(serviceExplanation.strict().parse(SERVICE_EXPLANATION)).toEqual(SERVICE_EXPLANATION);
    expect(daemonEvent.strict().parse(event(1))).toEqual(event(1));
  });

  it('is told of in docs/api.md, every endpoint of it', () => {
    const docs = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
    for (const { method, path } of DAEMON_ENDPOINTS) expect(docs).toContain(`\`${method} ${path}\``);
  });
});

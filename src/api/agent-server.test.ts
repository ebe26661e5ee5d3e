import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeAgentView, agentEvent } from '../../test/support/fake-agent-view.ts';
import { AGENT_HEALTHY, PACKET_EXPLANATION, POLICIES, REMOTE, WEB } from '../../test/support/fake-policies.ts';
import { httpRequest } from '../../test/support/http.ts';
import { createScratch } from '../../test/support/scratch.ts';
import type { Scratch } from '../../test/support/scratch.ts';
import { AGENT_ENDPOINTS, startAgentApi } from './agent-server.ts';
import { agentStatus, endpointReport, policyExplanation, policyReport } from './agent-types.ts';
import { AGENT_ROWS } from './metrics/agent-renderer.ts';
import { describeApi } from './openapi.ts';
import type { ApiServer } from './server.ts';
import { agentEvent as agentEventSchema } from './types.ts';

let scratch: Scratch;
let socket: string;
let agent: FakeAgentView;
let server: ApiServer;

beforeEach(async () => {
  scratch = createScratch('agent-api');
  socket = join(scratch.path, 's');
  agent = new FakeAgentView();
  server = await start();
});

afterEach(async () => {
  await server.close();
  scratch[Symbol.dispose]();
});

const start = (): Promise<ApiServer> =>
  startAgentApi({
    view: agent,
    socket,
    http: { host: '127.0.0.1', port: 0 },
    onDefect: (error) => expect.fail(String(error)),
  });

const ask = (method: string, path: string) => httpRequest({ socketPath: socket, method, path });

async function get(path: string): Promise<unknown> {
  const { status, text } = await ask('GET', path);
  expect({ status, text }).toMatchObject({ status: 200 });
  return JSON.parse(text);
}

const EXPLAIN = '/api/v1/policies/explain?source=a&destination=b';

describe('API of the policy agent', () => {
  it('shows status, policies, endpoints and explanations', async () => {
    expect(await get('/api/v1/status')).toEqual(AGENT_HEALTHY);
    expect(await get('/api/v1/policies')).toEqual({ policies: POLICIES, nextCursor: null });
    expect(await get('/api/v1/policies?limit=1')).toEqual({ policies: POLICIES.slice(0, 1), nextCursor: '1' });
    expect(await get('/api/v1/endpoints')).toEqual({ endpoints: [WEB], nextCursor: null });
    expect(await get('/api/v1/endpoints?all=true')).toEqual({ endpoints: [WEB, REMOTE], nextCursor: null });
    expect(await get('/api/v1/endpoints?all=true&name=10.65.1.7')).toEqual({ endpoints: [REMOTE], nextCursor: null });
    expect(await get(`${EXPLAIN}&protocol=SCTP&port=5`)).toEqual(PACKET_EXPLANATION);
    expect(agent.questions).toEqual([{ source: 'a', destination: 'b', protocol: 132, destinationPort: 5 }]);
  });

  it.each([
    ['protocol=tcp', /tcp needs a destination port/],
    ['protocol=0', /query parameter ..protocol..: ..0.. is no protocol/],
    ['protocol=256&port=1', /is no protocol/],
    ['protocol=constructor&port=1', /is no protocol/],
    ['protocol=icmp&port=1', /packets of protocol icmp have no ports/],
    ['protocol=udp&port=1&icmpType=8', /packets of protocol udp have no ICMP type/],
    ['protocol=icmp&icmpCode=8', /icmpCode needs icmpType/],
    ['protocol=icmp&icmpType=256', /must be at most 255/],
  ])('refuses a packet with %s', async (query, words) => {
    const { status, text } = await ask('GET', `${EXPLAIN}&${query}`);
    expect([status, text]).toEqual([400, expect.stringMatching(words)]);
  });

  it('tells events, kept and new ones', async () => {
    expect(await get('/api/v1/events?after=1')).toEqual({ events: [agentEvent(2)] });
    const headers = { accept: 'text/event-stream' };
    const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/events?after=1`, { headers });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('event 2')) text += (await reader.read()).value ?? '';
    expect(text).toContain('id: 2\nevent: endpoint\ndata: {"id":2,');
    await reader.cancel();
    await vi.waitUntil(() => agent.listeners.size === 0);
  });

  it('stops it over the socket, and over nothing else', async () => {
    const path = '/api/v1/shutdown';
    const refused = await httpRequest({ host: '127.0.0.1', port: server.port, method: 'POST', path });
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining(socket)]);
    expect((await ask('POST', path)).status).toBe(200);
    expect(agent.actions).toEqual([['shutdown', false]]);
  });

  it('is ready once it is in sync and the rules are in the kernel', async () => {
    expect(await get('/readyz')).toMatchObject({ ready: true });
    const { ruleset, datastore } = AGENT_HEALTHY;
    const lastError = { words: 'nft is not installed', at: AGENT_HEALTHY.started };
    agent.statusReport = { ...AGENT_HEALTHY, ruleset: { ...ruleset, inSync: false, appliedAt: null, lastError } };
    const { status, text } = await ask('GET', '/readyz');
    const words = 'table inet starling_policy of the kernel was not written yet: nft is not installed';
    expect([status, text]).toEqual([503, expect.stringContaining(words)]);
    agent.statusReport = { ...AGENT_HEALTHY, datastore: { ...datastore, state: 'syncing' } };
    expect((await ask('GET', '/readyz')).status).toBe(503);
    agent.statusReport = { ...AGENT_HEALTHY, datastore: { ...datastore, state: 'cached' } };
    expect((await ask('GET', '/readyz')).status).toBe(200);
    expect((await ask('GET', '/healthz')).status).toBe(200);
  });

  it('says whose socket it is that answers already', async () => {
    await expect(start()).rejects.toThrow(
      `another starling-policyd answers on ${socket}: stop it, or change policy.socket`,
    );
  });
});

describe('metrics of the policy agent', () => {
  it('count what is enforced, and what the kernel was told', async () => {
    const lines = (await ask('GET', '/metrics')).text.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'starling_policy_build_info{version="0.1.0",node="node-1"} 1',
        'starling_policy_active_policies 2',
        'starling_policy_set_members 31',
        'starling_policy_in_sync 1',
        'starling_policy_repairs_total 2',
        '# TYPE starling_policy_apply_seconds histogram',
        'starling_policy_apply_seconds_bucket{le="0.001"} 4',
        'starling_policy_apply_seconds_bucket{le="0.01"} 6',
        'starling_policy_apply_seconds_bucket{le="+Inf"} 7',
        'starling_policy_apply_seconds_sum 0.05',
        'starling_policy_apply_seconds_count 7',
        'starling_datastore_resources{kind="Pod"} 120',
      ]),
    );
    expect(lines.find((line) => line.startsWith('process_resident_memory_bytes '))).toMatch(/ \d{7,}$/);
  });

  it('follow the rules of names, and are told of in docs/metrics.md', () => {
    const docs = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    for (const { name, type } of AGENT_ROWS) {
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(docs).toContain(`\`${name}\``);
    }
  });
});

describe('OpenAPI description of the policy agent', () => {
  it('describes the shapes that it answers with', () => {
    expect(agentStatus.strict().parse(AGENT_HEALTHY)).toEqual(AGENT_HEALTHY);
    for (const policy of POLICIES) expect(policyReport.strict().parse(policy)).toEqual(policy);
    for (const endpoint of [WEB, REMOTE]) expect(endpointReport.strict().parse(endpoint)).toEqual(endpoint);
    expect(policyExplanation.strict().parse(PACKET_EXPLANATION)).toEqual(PACKET_EXPLANATION);
    expect(agentEventSchema.strict().parse(agentEvent(1))).toEqual(agentEvent(1));
  });

  it('has every component that it refers to, and stands in docs/api.md', async () => {
    const text = JSON.stringify(describeApi(AGENT_ENDPOINTS, { version: '0.1.0', description: 'The agent.' }));
    for (const [, id] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]*)"/g))
      expect(text).toContain(`"${id}":{`);
    const docs = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
    for (const { method, path } of AGENT_ENDPOINTS) expect(docs).toContain(`\`${method} ${path}\``);
    expect(await get('/api/v1/openapi.json')).toMatchObject({
      info: { description: expect.stringContaining('policyd') },
    });
  });
});

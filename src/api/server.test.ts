import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { z } from 'zod';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeDaemonView, event } from '../../test/support/fake-daemon-view.ts';
import { NODE_2, TOR_A } from '../../test/support/fake-peers.ts';
import { EXPLANATION, route } from '../../test/support/fake-routes.ts';
import { HEALTHY } from '../../test/support/fake-status.ts';
import { SERVICE_EXPLANATION } from '../../test/support/fake-services.ts';
import { httpRequest } from '../../test/support/http.ts';
import type { HttpAnswer } from '../../test/support/http.ts';
import { errorBody } from './types.ts';
import { startDaemonApi } from './daemon-server.ts';
import type { ApiServer } from './server.ts';

const listing = z.object({ routes: z.array(z.object({ prefix: z.string() })), nextCursor: z.string().nullable() });
const serviceListing = z.object({
  services: z.array(z.object({ name: z.string() })),
  nextCursor: z.string().nullable(),
});

let directory: string;
let socket: string;
let daemon: FakeDaemonView;
let defects: unknown[];
let server: ApiServer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'starling-api-'));
  socket = join(directory, 'run', 'starlingd.sock');
  daemon = new FakeDaemonView();
  defects = [];
  server = await start();
});

afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

function start(): Promise<ApiServer> {
  return startDaemonApi({
    view: daemon,
    socket,
    http: { host: '127.0.0.1', port: 0 },
    onDefect: (error) => defects.push(error),
  });
}

function ask(method: string, path: string, body?: unknown): Promise<HttpAnswer> {
  return httpRequest({ socketPath: socket, method, path }, body === undefined ? undefined : JSON.stringify(body));
}

function askTcp(method: string, path: string): Promise<HttpAnswer> {
  return httpRequest({ host: '127.0.0.1', port: server.port, method, path });
}

async function get(path: string): Promise<unknown> {
  const { status, text } = await ask('GET', path);
  expect({ status, text }).toMatchObject({ status: 200 });
  return JSON.parse(text);
}

async function errorOf(answer: Promise<HttpAnswer>): Promise<[status: number, code: string, message: string]> {
  const { status, text } = await answer;
  const { error } = errorBody.parse(JSON.parse(text));
  return [status, error.code, error.message];
}

function prefixes(body: unknown): string[] {
  return listing.parse(body).routes.map(({ prefix }) => prefix);
}

describe('reading', () => {
  it('shows status and peers on the socket and on TCP alike', async () => {
    expect(await get('/api/v1/status')).toEqual(HEALTHY);
    expect(JSON.parse((await askTcp('GET', '/api/v1/status')).text)).toEqual(HEALTHY);
    expect(await get('/api/v1/peers')).toMatchObject({
      peers: [{ address: '10.0.0.254' }, { address: 'fe80::2%eth0' }],
    });
  });

  it('finds a peer by any spelling of its address', async () => {
    expect(await get('/api/v1/peers/10.0.0.254')).toEqual(TOR_A);
    for (const spelling of ['fe80::2%25eth0', 'fe80::2%eth0', 'FE80:0:0::2%25eth0']) {
      expect(await get(`/api/v1/peers/${spelling}`)).toEqual(NODE_2);
    }
  });

  it('says that a peer does not exist, or that its address is none', async () => {
    expect(await errorOf(ask('GET', '/api/v1/peers/10.0.0.9'))).toEqual([
      404,
      'NOT_FOUND',
      'there is no peer 10.0.0.9',
    ]);
    expect(await errorOf(ask('GET', '/api/v1/peers/tor'))).toEqual([
      400,
      'INVALID',
      'path parameter "address": "tor" is not an IP address',
    ]);
  });

  it('explains a route', async () => {
    expect(await get('/api/v1/routes/explain?prefix=10.1.2.3')).toEqual(EXPLANATION);
  });

  it('lists services, narrowed as asked, page by page', async () => {
    const names = (body: unknown): string[] => serviceListing.parse(body).services.map(({ name }) => name);
    expect(names(await get('/api/v1/services'))).toEqual(['web', 'api', 'headless']);
    expect(names(await get('/api/v1/services?namespace=shop'))).toEqual(['web', 'api']);
    expect(names(await get('/api/v1/services?advertised=true'))).toEqual(['web']);
    expect(names(await get('/api/v1/services?advertised=false'))).toEqual(['api', 'headless']);
    const page = serviceListing.parse(await get('/api/v1/services?limit=1'));
    expect(names(page)).toEqual(['web']);
    expect(names(await get(`/api/v1/services?cursor=${page.nextCursor}`))).toEqual(['api', 'headless']);
  });

  it('explains a service, or says that there is none', async () => {
    expect(await get('/api/v1/services/explain?namespace=shop&name=web')).toEqual(SERVICE_EXPLANATION);
    expect(await errorOf(ask('GET', '/api/v1/services/explain?namespace=shop&name=x'))).toEqual([
      404,
      'NOT_FOUND',
      'the resources that the daemon has hold no Service shop/x',
    ]);
    expect((await errorOf(ask('GET', '/api/v1/services/explain?name=web')))[0]).toBe(400);
  });

  it('lists kernel routes', async () => {
    expect(prefixes(await get('/api/v1/fib'))).toEqual(['10.1.0.0/16', '10.1.2.0/26']);
    expect(prefixes(await get('/api/v1/fib?family=ipv6-unicast'))).toEqual([]);
    expect(prefixes(await get('/api/v1/fib?diff=true'))).toEqual(['10.1.2.0/26']);
    expect(prefixes(await get('/api/v1/fib?prefix=10.1.0.0/16&why=true'))).toEqual(['10.1.0.0/16']);
  });
});

describe('routes', () => {
  it('lists all, by family, and by prefix', async () => {
    expect(prefixes(await get('/api/v1/routes'))).toHaveLength(5);
    expect(prefixes(await get('/api/v1/routes?family=ipv6-unicast'))).toEqual(['2001:db8::/32']);
    expect(prefixes(await get('/api/v1/routes?prefix=10.1.0.0/16'))).toEqual(['10.1.0.0/16']);
    expect(prefixes(await get('/api/v1/routes?prefix=10.1.0.0/16&match=longer'))).toEqual([
      '10.1.0.0/16',
      '10.1.2.0/26',
    ]);
    expect(prefixes(await get('/api/v1/routes?prefix=10.1.0.0/16&match=shorter'))).toEqual([
      '0.0.0.0/0',
      '10.1.0.0/16',
    ]);
  });

  it('passes on the view and the peer', async () => {
    await get('/api/v1/routes?view=rejected&peer=10.0.0.254');
    expect(daemon.queries).toContainEqual({ view: 'rejected', peer: '10.0.0.254', match: 'exact' });
  });

  it('goes on where a page ended', async () => {
    const seen: string[] = [];
    let cursor: string | null = '0';
    while (cursor !== null) {
      const page = listing.parse(await get(`/api/v1/routes?limit=2&cursor=${cursor}`));
      seen.push(...prefixes(page));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(daemon.routeList.map(({ prefix }) => prefix));
  });

  it('streams a long listing without holding up other requests', async () => {
    daemon.routeList = Array.from({ length: 2_000 }, (_, i) => route(`10.${i >> 8}.${i & 255}.0/24`));
    const listing = ask('GET', '/api/v1/routes?limit=100000');
    let turns = 0;
    const done = listing.then(() => (turns = -turns));
    while (turns >= 0) {
      turns++;
      await Promise.race([ask('GET', '/healthz'), done]);
    }
    expect(-turns).toBeGreaterThan(3);
    expect(prefixes(JSON.parse((await listing).text))).toHaveLength(2_000);
  });

  it('answers errors of the first slice as errors', async () => {
    expect((await errorOf(ask('GET', '/api/v1/routes?peer=10.9.9.9')))[0]).toBe(404);
  });

  it('says what is wrong with a query', async () => {
    const wrong: [query: string, words: RegExp][] = [
      ['view=advertised', /needs the query parameter "peer"/],
      ['view=all', /query parameter "view": .*best/],
      ['prefix=10.1.2.300', /"10.1.2.300" is not an IP prefix or address/],
      ['limit=-1', /query parameter "limit": must be a non-negative whole number/],
      ['limit=100001', /must be at most 100000/],
      ['colour=red', /unknown query parameter "colour"/],
      ['view=best&view=received', /"view" is given twice/],
    ];
    for (const [query, words] of wrong) {
      const [status, code, message] = await errorOf(ask('GET', `/api/v1/routes?${query}`));
      expect([status, code]).toEqual([400, 'INVALID']);
      expect(message).toMatch(words);
    }
  });
});

describe('events', () => {
  it('lists those kept', async () => {
    expect(await get('/api/v1/events?after=1')).toEqual({ events: [event(2)] });
  });

  it('streams kept ones and new ones, and lets go of a client that leaves', async () => {
    const headers = { accept: 'text/event-stream' };
    const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/events?after=1`, { headers });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const readUntil = async (wanted: string): Promise<void> => {
      while (!text.includes(wanted)) text += (await reader.read()).value ?? '';
    };
    await readUntil('event 2');
    daemon.emit(event(3));
    await readUntil('event 3');
    expect(text).toContain('id: 3\nevent: session\ndata: {"id":3,');
    expect(text).not.toContain('event 1');
    await reader.cancel();
    await vi.waitUntil(() => daemon.listeners.size === 0);
  });

  it('resumes after Last-Event-ID', async () => {
    const headers = { accept: 'text/event-stream', 'last-event-id': '2' };
    const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/events`, { headers });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    await vi.waitUntil(() => daemon.listeners.size === 1);
    daemon.emit(event(3));
    while (!text.includes('event 3')) text += (await reader.read()).value ?? '';
    expect(text).not.toContain('event 2');
    await reader.cancel();
  });
});

describe('actions', () => {
  it('are done over the Unix socket', async () => {
    expect((await ask('POST', '/api/v1/peers/10.0.0.254/reset')).status).toBe(200);
    expect((await ask('POST', '/api/v1/peers/10.0.0.254/reset', { kind: 'in' })).status).toBe(200);
    expect((await ask('POST', '/api/v1/peers/10.0.0.254/disable', { message: 'cable' })).status).toBe(200);
    expect((await ask('POST', '/api/v1/peers/10.0.0.254/enable')).status).toBe(200);
    expect((await ask('POST', '/api/v1/peers/confirm')).status).toBe(200);
    const input = { prefix: '10.9.1.2/16', med: 5, communities: ['64512:1', 'no-export'] };
    expect((await ask('POST', '/api/v1/routes', input)).status).toBe(200);
    expect((await ask('DELETE', '/api/v1/routes?prefix=10.9.0.0/16')).status).toBe(200);
    expect((await ask('POST', '/api/v1/drain', { waitSeconds: 90, message: 'new kernel' })).status).toBe(200);
    expect((await ask('POST', '/api/v1/undrain')).status).toBe(200);
    expect(JSON.parse((await ask('POST', '/api/v1/shutdown', { forGood: true })).text)).toEqual({
      words: 'done: shutdown true',
    });
    expect(daemon.actions).toEqual([
      ['reset', '10.0.0.254', 'hard'],
      ['reset', '10.0.0.254', 'in'],
      ['disable', '10.0.0.254', 'cable'],
      ['enable', '10.0.0.254'],
      ['confirm'],
      ['add', '10.9.0.0/16', input],
      ['delete', '10.9.0.0/16'],
      ['drain', { forGood: false, waitSeconds: 90, message: 'new kernel' }],
      ['undrain'],
      ['shutdown', true],
    ]);
  });

  it('are refused over TCP, in words', async () => {
    const [status, code, message] = await errorOf(askTcp('POST', '/api/v1/peers/10.0.0.254/reset'));
    expect([status, code]).toEqual([403, 'FORBIDDEN']);
    expect(message).toContain(socket);
    expect((await askTcp('DELETE', '/api/v1/routes?prefix=10.9.0.0/16')).status).toBe(403);
    expect((await askTcp('POST', '/api/v1/drain')).status).toBe(403);
    expect((await askTcp('PUT', '/anything')).status).toBe(403);
    expect(daemon.actions).toEqual([]);
  });

  it('say what is wrong', async () => {
    const wrong: [method: string, path: string, body: unknown, status: number, words: RegExp][] = [
      ['POST', '/api/v1/peers/10.9.9.9/reset', {}, 404, /no peer 10\.9\.9\.9/],
      ['POST', '/api/v1/peers/10.0.0.254/reset', { kind: 'soft' }, 400, /field "kind"/],
      ['POST', '/api/v1/peers/10.0.0.254/disable', { message: 'é'.repeat(128) }, 400, /at most 255 bytes/],
      ['POST', '/api/v1/routes', { prefix: 'here' }, 400, /"here" is not an IP prefix/],
      ['POST', '/api/v1/routes', { prefix: '10.0.0.0/8', nextHop: 'x' }, 400, /"x" is not an IP address/],
      ['POST', '/api/v1/routes', { prefix: '10.0.0.0/8', med: -1 }, 400, /field "med"/],
      ['POST', '/api/v1/routes', { prefix: '10.0.0.0/8', weight: 1 }, 400, /unknown field "weight"/],
      ['POST', '/api/v1/routes', [], 400, /expected object/],
      ['DELETE', '/api/v1/routes?prefix=10.8.0.0/16', undefined, 404, /was not added/],
      ['DELETE', '/api/v1/status', undefined, 405, /takes GET, not DELETE/],
    ];
    for (const [method, path, body, status, words] of wrong) {
      const [answered, , message] = await errorOf(ask(method, path, body));
      expect([answered, message]).toEqual([status, expect.stringMatching(words)]);
    }
    expect(daemon.actions).toEqual([]);
  });
});

describe('bad input', () => {
  it('a body that is not JSON, or too large, is refused', async () => {
    const options = { socketPath: socket, method: 'POST', path: '/api/v1/routes' };
    expect((await errorOf(httpRequest(options, '{"prefix":')))[2]).toMatch(/the body is not JSON/);
    expect((await errorOf(httpRequest(options, 'x'.repeat(100_000))))[1]).toBe('TOO_LARGE');
    expect((await ask('GET', '/healthz')).status).toBe(200);
  });

  it('never breaks the server, whatever the path', async () => {
    const text = fc.string({ unit: fc.constantFrom(...'/%?&=.:{}ap1v0routesexplin '.split('')) }).map(encodeURI);
    await fc.assert(
      fc.asyncProperty(text, async (path) => {
        expect((await ask('GET', `/api/v1/${path}`)).status).toBeLessThan(500);
      }),
      { numRuns: 50 },
    );
    expect((await ask('GET', '/api/v1/routes?prefix=%ff%fe&__proto__=1')).status).toBe(400);
    expect(defects).toEqual([]);
  });

  it('a defect of the daemon is a 500 and reported', async () => {
    daemon.failure = new Error('boom');
    const [status, code] = await errorOf(ask('GET', '/api/v1/status'));
    expect([status, code]).toEqual([500, 'INTERNAL']);
    expect(defects).toEqual([daemon.failure]);
  });

  it('what does not exist is a 404 that says where to look', async () => {
    expect((await errorOf(ask('GET', '/nothing')))[2]).toMatch(/nothing at \/nothing; .*openapi/);
  });
});

describe('probes', () => {
  it('is alive and ready', async () => {
    expect(await get('/healthz')).toEqual({ alive: true });
    expect(await get('/readyz')).toMatchObject({ ready: true });
  });

  it('is not ready, with the reason', async () => {
    daemon.statusReport = { ...HEALTHY, peers: { total: 2, established: 1, disabled: 0, kept: 0, held: 0 } };
    expect((await ask('GET', '/readyz')).status).toBe(200);
    const { status, text } = await ask('GET', '/readyz?peers=all');
    expect(status).toBe(503);
    expect(text).toContain('1 of 2 sessions established');
    expect((await ask('GET', '/healthz')).status).toBe(200);
  });
});

describe('listening', () => {
  it('makes the socket for owner and group only', async () => {
    expect((await stat(socket)).mode & 0o777).toBe(0o660);
  });

  it('does not take the socket of a daemon that answers', async () => {
    await expect(start()).rejects.toMatchObject({ code: 'API_SOCKET_IN_USE', where: socket });
    expect((await ask('GET', '/healthz')).status).toBe(200);
  });

  it('replaces a socket left from a daemon that died', async () => {
    await server.close();
    const script = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 9))`;
    spawnSync(process.execPath, ['-e', script]);
    expect((await stat(socket)).isSocket()).toBe(true);
    server = await start();
    expect((await ask('GET', '/healthz')).status).toBe(200);
  });

  it('leaves a file alone that is no socket', async () => {
    await server.close();
    await writeFile(socket, 'precious');
    await chmod(socket, 0o600);
    await expect(start()).rejects.toMatchObject({ code: 'API_LISTEN_FAILED' });
    expect((await stat(socket)).size).toBe(8);
  });

  it('says which TCP address is taken, and then holds no socket either', async () => {
    const options = {
      view: daemon,
      socket: `${socket}2`,
      http: { host: '127.0.0.1', port: server.port! },
      onDefect: () => {},
    };
    await expect(startDaemonApi(options)).rejects.toThrow(
      `can't listen on 127.0.0.1:${server.port} for the read-only API`,
    );
    await expect(stat(`${socket}2`)).rejects.toThrow('ENOENT');
  });
});

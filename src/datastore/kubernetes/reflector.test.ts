import { Agent, createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../../../test/support/wait-for.ts';
import { ApiClient } from './api-client.ts';
import { wantedResources } from './api-resources.ts';
import { CalicoGroups } from './calico-groups.ts';
import { Reflector } from './reflector.ts';

const TIMINGS = { watch: 200, grace: 100, firstPause: 1, longestPause: 20, missingPause: 20 };
const SERVICE = wantedResources({ nodeName: 'a', usePodCidr: true, purpose: 'routing', scope: 'all' }).find(
  ({ name }) => name === 'Service',
);

type Handler = (request: { url: URL; headers: IncomingMessage['headers'] }, response: ServerResponse) => void;

let server: Server;
let agent: Agent;
let client: ApiClient;
let handler: Handler;
let renewals: number;
/** What the server was asked, without the time that a watch is to last. */
let asked: string[];
let heard: string[];
let reflector: Reflector;

/** A server that answers as `handle` says, and a reflector that begins. */
async function begin(handle: Handler): Promise<void> {
  handler = handle;
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => void server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  let token = 0;
  client = new ApiClient(
    {
      access: () =>
        Promise.resolve({ server: `http://127.0.0.1:${port}/`, agent, headers: { Authorization: `Bearer ${token}` } }),
      renew: () => {
        renewals++;
        token++;
      },
      close: () => agent.destroy(),
    },
    400,
  );
  if (SERVICE === undefined) throw new RangeError('no Services');
  const groups = new CalicoGroups(client, 'auto');
  reflector = new Reflector(
    SERVICE,
    { client, groups, timings: TIMINGS },
    {
      replace: (items) => heard.push(`= ${items.map(({ key }) => key).join(' ')}`),
      put: ({ key }) => heard.push(`+ ${key}`),
      delete: (key) => heard.push(`- ${key}`),
      flush: () => {},
      status: ({ state }) => heard.push(state),
    },
  );
  reflector.start();
}

const object = (name: string, resourceVersion = '5') => ({ metadata: { name, resourceVersion } });
const json = (response: ServerResponse, body: object, status = 200) =>
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
const list = (response: ServerResponse, names: readonly string[], next = '') =>
  json(response, { metadata: { resourceVersion: '9', continue: next }, items: names.map((name) => object(name)) });
const status = (response: ServerResponse, code: number, headers: Record<string, string> = {}) =>
  response
    .writeHead(code, headers)
    .end(JSON.stringify({ kind: 'Status', code, reason: 'R', message: `refused with ${code}` }));
const untilHeard = (words: string) =>
  waitFor(() => heard, { what: words, accept: (all) => all.includes(words), intervalMs: 5 });

beforeEach(() => {
  agent = new Agent({ keepAlive: true });
  asked = [];
  heard = [];
  renewals = 0;
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    url.searchParams.delete('timeoutSeconds');
    asked.push(url.pathname + url.search);
    handler({ url, headers: request.headers }, response);
  });
});

afterEach(() => {
  reflector.stop();
  client.close();
  server.closeAllConnections();
  server.close();
});

/** Lists and watches that find nothing to tell. */
const nothing: Handler = ({ url }, response) => {
  if (url.searchParams.has('watch')) response.writeHead(200).flushHeaders();
  else list(response, []);
};

describe('a reflector', () => {
  it('lists, then watches with bookmarks, whatever way the lines are cut', async () => {
    await begin(({ url }, response) => {
      if (!url.searchParams.has('watch')) {
        if (url.searchParams.has('continue')) list(response, ['b']);
        else if (url.searchParams.has('limit')) list(response, ['a'], 'more');
        else status(response, 504);
        return;
      }
      const lines = ['ADDED', 'DELETED'].map((type) => JSON.stringify({ type, object: object('zoë', '10') }));
      const bytes = Buffer.from(`${lines.join('\n')}\n`);
      // In the middle of a character of two bytes.
      const cut = bytes.indexOf(0xc3) + 1;
      response.writeHead(200).write(bytes.subarray(0, cut));
      setImmediate(() => response.write(bytes.subarray(cut)));
    });
    await untilHeard('- zoë');
    // Each page is told as it comes, and what is not there any more at the end.
    expect(heard).toEqual(['away', '+ a', '+ b', '= a b', 'synced', '+ zoë', '- zoë']);
    expect(asked).toEqual([
      '/api/v1/services?resourceVersion=0',
      '/api/v1/services?limit=500',
      '/api/v1/services?limit=500&continue=more',
      '/api/v1/services?watch=1&allowWatchBookmarks=true&resourceVersion=9',
    ]);
    expect(reflector.status).toMatchObject({ name: 'Service', state: 'synced', revision: '10' });
  });

  it('lists anew at a 410 between pages and at one in a stream that does not end', async () => {
    let watches = 0;
    await begin(({ url }, response) => {
      if (url.searchParams.has('continue')) status(response, 410);
      else if (url.searchParams.has('limit')) list(response, ['a'], 'more');
      else if (url.searchParams.get('resourceVersion') === '0') status(response, 410);
      else if (!url.searchParams.has('watch')) list(response, ['a', 'b']);
      else if (watches++ > 0) response.writeHead(200).flushHeaders();
      else response.write(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410 } })}\n`);
    });
    await waitFor(() => watches, { what: 'the second watch', accept: (count) => count === 2, intervalMs: 5 });
    expect(heard.filter((words) => words.startsWith('='))).toEqual(['= a b', '= a b']);
    expect(heard).not.toContain('away');
  });

  it('reads its credentials again when they are refused', async () => {
    await begin((request, response) => {
      if (request.headers.authorization === 'Bearer 0') status(response, 401);
      else nothing(request, response);
    });
    await untilHeard('synced');
    expect(renewals).toBe(1);
    expect(heard).toEqual(['away', '= ', 'synced']);
  });

  it('gives up a list, and a watch, of which nothing is heard any more', async () => {
    let lists = 0;
    let watches = 0;
    await begin(({ url }, response) => {
      if (url.searchParams.has('watch')) {
        watches++;
        response.writeHead(200).flushHeaders();
      } else if (lists++ > 0) list(response, []);
      else response.writeHead(200).write('{"metadata":');
    });
    await untilHeard('synced');
    expect(reflector.status.lastError?.words).toBe('the API server has not said anything for 0.4 s');
    await waitFor(() => watches, { what: 'the watch to be given up', accept: (count) => count > 1, intervalMs: 5 });
    expect(heard.slice(0, 4)).toEqual(['away', '= ', 'synced', 'away']);
  });

  it('says what it was refused with, and what the answer is where it is none of the API', async () => {
    await begin((_, response) => void status(response, 500, { 'retry-after': '0.01' }));
    await untilHeard('away');
    expect(reflector.status.lastError?.words).toBe('the API server answers 500: refused with 500');
    handler = (_, response) => void response.writeHead(502).end('bad gateway\n');
    await waitFor(() => reflector.status.lastError?.words, {
      what: 'the other words',
      accept: (words) => words === 'the API server answers 502: bad gateway',
    });
    handler = (_, response) => void response.end('<html>');
    await waitFor(() => reflector.status.lastError?.words, {
      what: 'the third words',
      accept: (words) => words === 'the answer to a list of services is no list',
    });
  });

  it('says nothing after it was stopped', async () => {
    await begin(nothing);
    await untilHeard('synced');
    reflector.stop();
    const before = [...heard];
    server.closeAllConnections();
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual(before);
  });
});

/** The HTTP server of the daemon: full access over a Unix socket, read-only over TCP. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { DaemonView } from './daemon-view.ts';
import { sendJson } from './endpoint.ts';
import type { Endpoint, RawInput } from './endpoint.ts';
import { ACTIONS } from './endpoints/actions.ts';
import { monitoring } from './endpoints/monitoring.ts';
import { READING } from './endpoints/reading.ts';
import { SERVICES } from './endpoints/services.ts';
import { ApiError } from './errors.ts';
import { listenTcp, listenUnix } from './listen.ts';
import { MetricsRenderer } from './metrics/metrics-renderer.ts';
import { withOpenApi } from './openapi.ts';
import { Router } from './router.ts';

/** Largest request body, bytes, where the endpoint doesn't say another. */
const MAX_BODY = 64 * 1024;

export interface ApiServerOptions {
  readonly daemon: DaemonView;
  /** Path of the Unix socket; absent: none. */
  readonly socket?: string;
  /** TCP address of the read-only API; absent: none. Port 0 picks one. */
  readonly http?: { readonly host: string; readonly port: number };
  /** Called with defects: what was thrown and is no {@link ApiError}. The client gets a 500. */
  readonly onDefect: (error: unknown, request: string) => void;
}

export interface ApiServer {
  /** Port of the TCP listener, or undefined where there is none. */
  readonly port: number | undefined;
  /** Stops listening and cuts off the clients. */
  close(): Promise<void>;
}

/** Starts the API. Throws `ApiListenError` where an address can't be had; then nothing listens. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { daemon, socket, http } = options;
  const renderer = new MetricsRenderer();
  const endpoints = withOpenApi(
    [...READING, ...SERVICES, ...ACTIONS, ...monitoring(renderer)],
    daemon.status().version,
  );
  const handler = new RequestHandler(options, endpoints);
  const servers: Server[] = [];
  const close = async (): Promise<void> => {
    renderer.close();
    await Promise.all(servers.map(closeServer));
  };
  try {
    if (socket !== undefined) {
      const server = handler.createServer(true);
      await listenUnix(server, socket);
      servers.push(server);
    }
    if (http === undefined) return { port: undefined, close };
    const server = handler.createServer(false);
    await listenTcp(server, http.host, http.port);
    servers.push(server);
    const address = server.address();
    return { port: typeof address === 'object' ? address?.port : undefined, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** Answers requests; nothing that a client sends makes it throw. */
class RequestHandler {
  readonly #options: ApiServerOptions;
  readonly #router: Router;

  constructor(options: ApiServerOptions, endpoints: readonly Endpoint[]) {
    this.#options = options;
    this.#router = new Router(endpoints);
  }

  createServer(changesAllowed: boolean): Server {
    const server = createServer((request, response) => void this.#answer(request, response, changesAllowed));
    // A failed accept (out of file descriptors) must not end the daemon.
    server.on('listening', () => server.on('error', (error) => this.#options.onDefect(error, 'accept')));
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, changesAllowed: boolean): Promise<void> {
    // A client that goes away in the middle is no event of note.
    response.on('error', () => response.destroy());
    try {
      await this.#dispatch(request, response, changesAllowed);
    } catch (error) {
      this.#fail(error, request, response);
    }
  }

  async #dispatch(request: IncomingMessage, response: ServerResponse, changesAllowed: boolean): Promise<void> {
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
    if (!changesAllowed && method !== 'GET') throw this.#readOnly();
    const [path, search] = splitUrl(request.url ?? '/');
    const match = this.#router.find(method, path);
    if (match.kind === 'none') {
      throw new ApiError('NOT_FOUND', `there is nothing at ${path}; /api/v1/openapi.json says what there is`);
    }
    if (match.kind === 'other-methods') {
      response.setHeader('allow', match.methods.join(', '));
      throw new ApiError('METHOD_NOT_ALLOWED', `${path} takes ${match.methods.join(' or ')}, not ${method}`);
    }
    const { endpoint, parameters } = match;
    const body = endpoint.body === undefined ? undefined : await readJson(request, endpoint.maxBody ?? MAX_BODY);
    const input: RawInput = { path: parameters, query: parseQuery(search), body };
    await endpoint.run(input, { daemon: this.#options.daemon, response, headers: request.headers });
  }

  #readOnly(): ApiError {
    const { socket } = this.#options;
    const where = socket === undefined ? 'the Unix socket (api.socket)' : `the Unix socket ${socket}`;
    return new ApiError('FORBIDDEN', `this address is read-only: changes are accepted on ${where}, on the node itself`);
  }

  #fail(error: unknown, request: IncomingMessage, response: ServerResponse): void {
    if (!(error instanceof ApiError)) this.#options.onDefect(error, `${request.method} ${request.url}`);
    if (response.headersSent) {
      // Cut short, so that the client sees that the answer is not whole.
      response.destroy();
      return;
    }
    // The rest of an unread body must not be taken for the next request.
    if (!request.complete) response.setHeader('connection', 'close');
    const { code, message, status } =
      error instanceof ApiError
        ? error
        : { code: 'INTERNAL', message: 'the daemon failed to answer; its log says why', status: 500 };
    sendJson(response, { error: { code, message } }, status);
  }
}

function splitUrl(url: string): [path: string, search: string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

function parseQuery(search: string): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    if (Object.hasOwn(query, name)) throw new ApiError('INVALID', `query parameter "${name}" is given twice`);
    Object.defineProperty(query, name, { value, enumerable: true });
  }
  return query;
}

async function readJson(request: IncomingMessage, max: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > max) throw new ApiError('TOO_LARGE', `the body is larger than ${max} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ApiError('INVALID', `the body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

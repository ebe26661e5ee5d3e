/** The HTTP server of a process of Starling: full access over a Unix socket, read-only over TCP. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { sendJson } from './endpoint.ts';
import type { Endpoint, RawInput } from './endpoint.ts';
import { HEALTHZ, metrics } from './endpoints/common.ts';
import { ApiError } from './errors.ts';
import { listenTcp, listenUnix } from './listen.ts';
import type { SocketOwner } from './listen.ts';
import type { Renderer } from './metrics/metrics-renderer.ts';
import { withOpenApi } from './openapi.ts';
import type { ProcessView } from './process-view.ts';
import { Router } from './router.ts';

/** Largest request body, bytes, where the endpoint doesn't say another. */
const MAX_BODY = 64 * 1024;

/** Where it listens, and who is told of defects. */
export interface ApiServerPlace {
  /** Path of the Unix socket; absent: none. */
  readonly socket?: string;
  /** TCP address of the read-only API; absent: none. Port 0 picks one. */
  readonly http?: { readonly host: string; readonly port: number };
  /** Called with defects: what was thrown and is no {@link ApiError}. The client gets a 500. */
  readonly onDefect: (error: unknown, request: string) => void;
}

export interface ApiServerOptions<V extends ProcessView> extends ApiServerPlace {
  readonly view: V;
}

/** What is served, beside what every process has. */
export interface ServedApi<V> {
  readonly owner: SocketOwner;
  /** A sentence. */
  readonly description: string;
  readonly endpoints: readonly Endpoint<V>[];
  /** Closed with the server. */
  readonly renderer: Renderer<V>;
}

export interface ApiServer {
  /** Port of the TCP listener, or undefined where there is none. */
  readonly port: number | undefined;
  /** Stops listening and cuts off the clients. */
  close(): Promise<void>;
}

/** Starts the API. Throws `ApiListenError` where an address can't be had; then nothing listens. */
export async function startApiServer<V extends ProcessView>(
  options: ApiServerOptions<V>,
  { owner, description, endpoints, renderer }: ServedApi<V>,
): Promise<ApiServer> {
  const { view, socket, http } = options;
  const all = withOpenApi([...endpoints, metrics(renderer), HEALTHZ], { version: view.status().version, description });
  const handler = new RequestHandler(options, owner, all);
  const servers: Server[] = [];
  const close = async (): Promise<void> => {
    renderer.close();
    await Promise.all(servers.map(closeServer));
  };
  try {
    if (socket !== undefined) {
      const server = handler.createServer(true);
      await listenUnix(server, socket, owner);
      servers.push(server);
    }
    if (http === undefined) return { port: undefined, close };
    const server = handler.createServer(false);
    await listenTcp(server, http.host, http.port, owner);
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
class RequestHandler<V extends ProcessView> {
  readonly #options: ApiServerOptions<V>;
  readonly #owner: SocketOwner;
  readonly #router: Router<V>;

  constructor(options: ApiServerOptions<V>, owner: SocketOwner, endpoints: readonly Endpoint<V>[]) {
    this.#options = options;
    this.#owner = owner;
    this.#router = new Router(endpoints);
  }

  createServer(changesAllowed: boolean): Server {
    const server = createServer((request, response) => void this.#answer(request, response, changesAllowed));
    // A failed accept (out of file descriptors) must not end the daemon.
    server.on('listening', () => server.on('error', (error) => this.#options.onDefect(error, 'accept')));
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, changesAllowed: boolean): Promise<void> {
    // Tells the two processes of a node apart, whose paths are in part the same.
    response.setHeader('server', this.#owner.program);
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
    await endpoint.run(input, { view: this.#options.view, response, headers: request.headers });
  }

  #readOnly(): ApiError {
    const { socket } = this.#options;
    const where =
      socket === undefined ? `the Unix socket (${this.#owner.section}.socket)` : `the Unix socket ${socket}`;
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

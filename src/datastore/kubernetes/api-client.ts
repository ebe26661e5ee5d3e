/** Requests to the Kubernetes API over HTTP/1.1, each with an end: an answer, an error, or too long a silence. */
import { request as httpRequest } from 'node:http';
import type { Agent, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isJsonObject } from '../../resources/resource.ts';
import { ApiError, apiStatus } from './api-status.ts';
import { LineSplitter } from './line-splitter.ts';
import { ListSplitter } from './list-splitter.ts';

/** Where the API server is, and what every request carries. */
export interface Access {
  /** Base URL; it may have a path. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: Agent;
}

export interface AccessSource {
  access(): Promise<Access>;
  /** The server did not accept the credentials. */
  renew(): void;
  close(): void;
}

interface WatchOptions {
  readonly signal: AbortSignal;
  /** After this long without any end the connection is given up, in milliseconds. */
  readonly stallAfter: number;
  readonly onOpen: () => void;
  readonly onLines: (lines: readonly string[]) => void;
}

/** A body to send. */
interface Body {
  readonly type: string;
  readonly value: unknown;
}

interface RequestSettings {
  readonly method: string;
  readonly path: string;
  readonly body?: Body;
  readonly signal?: AbortSignal;
}

/** No object is larger: etcd takes 1.5 MB. In bytes, or characters. */
const LONGEST = 32 * 1024 * 1024;

export class ApiClient {
  readonly #access: AccessSource;
  readonly #patience: number;

  /** `patience` is how long a connection may be silent while an answer is due, in milliseconds. */
  constructor(access: AccessSource, patience: number) {
    this.#access = access;
    this.#patience = patience;
  }

  /** The answer to a GET. Rejects with {@link ApiError} where the server refuses, else with what went wrong. */
  get(path: string, signal?: AbortSignal): Promise<unknown> {
    return this.#exchange({ method: 'GET', path, ...(signal && { signal }) });
  }

  /**
   * The answer to a GET of a list, without its items: `onItems` is called with the JSON of those as they come in. Rejects as
   * {@link get} does.
   */
  async list(path: string, signal: AbortSignal, onItems: (items: readonly Buffer[]) => void): Promise<unknown> {
    const incoming = await this.#request({ method: 'GET', path, signal });
    const list = new ListSplitter(LONGEST);
    for await (const bytes of incoming) if (Buffer.isBuffer(bytes)) onItems(list.push(bytes));
    return parseOrUndefined(list.rest);
  }

  /** The answer to a request that writes. Rejects as {@link get} does. */
  send(method: 'POST' | 'PATCH', path: string, body: Body): Promise<unknown> {
    return this.#exchange({ method, path, body });
  }

  /** Reads a watch until the server ends it. Rejects as {@link get} does. */
  async watch(path: string, { signal, stallAfter, onOpen, onLines }: WatchOptions): Promise<void> {
    const incoming = await this.#request({ method: 'GET', path, signal });
    // The silence of a watch says nothing: without changes the server has nothing to say.
    incoming.setTimeout(0);
    const stalled = setTimeout(() => incoming.destroy(silence(stallAfter)), stallAfter);
    try {
      onOpen();
      const lines = new LineSplitter(LONGEST);
      incoming.setEncoding('utf8');
      for await (const text of incoming) onLines(lines.push(String(text)));
    } finally {
      clearTimeout(stalled);
    }
  }

  /** What was refused with 401 is asked with other credentials next time. */
  renewCredentials(): void {
    this.#access.renew();
  }

  close(): void {
    this.#access.close();
  }

  async #exchange(settings: RequestSettings): Promise<unknown> {
    return parseJson(await textOf(await this.#request(settings)));
  }

  /** The answer once its head is there. */
  async #request(settings: RequestSettings): Promise<IncomingMessage> {
    const access = await this.#access.access();
    const incoming = await this.#open(access, settings);
    const { statusCode = 0, statusMessage = '', headers } = incoming;
    if (statusCode >= 200 && statusCode < 300) return incoming;
    const text = await textOf(incoming);
    const status = apiStatus(parseOrUndefined(text), statusCode, text.trim().slice(0, 200) || statusMessage);
    const retryAfter = Number(headers['retry-after']);
    throw new ApiError({ ...status, ...(retryAfter > 0 && { retryAfter }) });
  }

  #open({ server, headers, agent }: Access, { method, path, body, signal }: RequestSettings): Promise<IncomingMessage> {
    const url = new URL(server.replace(/\/$/, '') + path);
    const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
    const text = body === undefined ? undefined : JSON.stringify(body.value);
    return new Promise((resolve, reject) => {
      const outgoing = send(
        url,
        {
          method,
          agent,
          timeout: this.#patience,
          headers: {
            Accept: 'application/json',
            'User-Agent': 'starling',
            ...headers,
            ...(body !== undefined && { 'Content-Type': body.type }),
            ...(text !== undefined && { 'Content-Length': Buffer.byteLength(text) }),
          },
          ...(signal && { signal }),
        },
        (incoming) => {
          incoming.setTimeout(this.#patience, () => incoming.destroy(silence(this.#patience)));
          resolve(incoming);
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(silence(this.#patience)));
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }
}

function silence(milliseconds: number): Error {
  return new Error(`the API server has not said anything for ${Number((milliseconds / 1000).toPrecision(2))} s`);
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  const value = parseOrUndefined(text);
  // `/readyz` answers in plain text.
  return isJsonObject(value) ? value : text;
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

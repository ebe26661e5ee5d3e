/** The HTTP API of the daemon or of the policy agent as the commands use it, over its Unix socket or a URL. */
import { request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import type { ProcessEvent } from '../api/types.ts';
import { CliError } from './cli-error.ts';

/** Where it is. */
export type ApiTarget = { readonly socket: string } | { readonly url: URL };

/** Who can be asked, and what there is to say about where it is. */
export const SERVICES = {
  daemon: {
    program: 'starlingd',
    defaultSocket: '/run/starling/starlingd.sock',
    socketOption: '--socket',
    environmentVariable: 'STARLING_API_SOCKET',
    httpField: 'api.http',
    exampleUrl: 'http://10.0.0.1:8179',
  },
  agent: {
    program: 'starling-policyd',
    defaultSocket: '/run/starling/starling-policyd.sock',
    socketOption: '--policy-socket',
    environmentVariable: 'STARLING_POLICY_SOCKET',
    httpField: 'policy.http',
    exampleUrl: 'http://10.0.0.1:8180',
  },
} as const;

export type ServiceName = keyof typeof SERVICES;

/** A process that says nothing for so long is stuck. Milliseconds. */
const ANSWER_TIMEOUT = 30_000;

type Query = Readonly<Record<string, string | number | undefined>>;

export class ApiClient {
  readonly #service: (typeof SERVICES)[ServiceName];
  readonly #target: ApiTarget;
  readonly #signal: AbortSignal;

  /** Requests under way end when `signal` is aborted. */
  constructor(service: ServiceName, target: ApiTarget, signal: AbortSignal) {
    this.#service = SERVICES[service];
    this.#target = target;
    this.#signal = signal;
  }

  /** Reads JSON. Throws {@link CliError} with what the daemon says, or why it can't be asked. */
  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#exchange('GET', withQuery(path, query), undefined);
  }

  /** Asks for a change. Throws as {@link get}. */
  change<T>(method: 'POST' | 'DELETE', path: string, query: Query, body?: object): Promise<T> {
    return this.#exchange(method, withQuery(path, query), body === undefined ? undefined : JSON.stringify(body));
  }

  /** Events from the one after `after` on, for ever. */
  async *events(after: number): AsyncGenerator<ProcessEvent> {
    const path = withQuery('/api/v1/events', { after });
    const response = await this.#send({ method: 'GET', path, headers: { accept: 'text/event-stream' } });
    let text = '';
    try {
      for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          const data = /^data: (.*)$/m.exec(block);
          if (data !== null) yield parseJson(data[1]) as ProcessEvent;
        }
      }
    } catch (error) {
      if (this.#signal.aborted) return;
      throw this.#unreachable(error);
    }
    throw new CliError(
      `${this.#service.program} on ${this.#name()} closed the connection: it stopped, or this command read too slowly`,
    );
  }

  async #exchange<T>(method: string, path: string, body: string | undefined): Promise<T> {
    const response = await this.#send({ method, path, timeout: ANSWER_TIMEOUT }, body);
    let text = '';
    try {
      for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
    } catch (error) {
      throw this.#unreachable(error);
    }
    if (response.statusCode !== 200) throw this.#refused(response.statusCode, text);
    try {
      return parseJson(text) as T;
    } catch {
      throw new CliError(`what answers on ${this.#name()} is not ${this.#service.program}: its answer is not JSON`);
    }
  }

  async #send(options: RequestOptions, body?: string): Promise<IncomingMessage> {
    const request = await this.#requestFunction();
    const where = 'socket' in this.#target ? { socketPath: this.#target.socket } : urlOptions(this.#target.url);
    return new Promise((resolve, reject) => {
      const outgoing = request({ ...where, ...options, signal: this.#signal }, (response) => {
        const error = this.#otherProgram(response);
        if (error === undefined) return resolve(response);
        reject(error);
        outgoing.destroy();
      });
      outgoing.on('timeout', () =>
        outgoing.destroy(
          new CliError(`${this.#service.program} on ${this.#name()} did not answer in ${ANSWER_TIMEOUT / 1000} s`),
        ),
      );
      outgoing.on('error', (error) => reject(this.#unreachable(error)));
      outgoing.end(body);
    });
  }

  async #requestFunction(): Promise<typeof httpRequest> {
    if ('url' in this.#target && this.#target.url.protocol === 'https:') return (await import('node:https')).request;
    return httpRequest;
  }

  /** The process of Starling that answers is the other one of the node. */
  #otherProgram({ headers: { server } }: IncomingMessage): CliError | undefined {
    const { program, socketOption, exampleUrl } = this.#service;
    const other = Object.values(SERVICES).find((service) => service.program === server);
    if (other === undefined || other.program === program) return undefined;
    const option = 'socket' in this.#target ? `${socketOption} PATH` : `--host URL, such as ${exampleUrl}`;
    return new CliError(
      `${other.program} answers on ${this.#name()}, and this command asks ${program}: name its own place with ${option}`,
      2,
    );
  }

  #refused(status: number | undefined, text: string): CliError {
    try {
      const { error } = parseJson(text) as { error: { code: string; message: string } };
      return new CliError(error.message, error.code === 'INVALID' ? 2 : 1);
    } catch {
      return new CliError(`what answers on ${this.#name()} is not ${this.#service.program}: HTTP status ${status}`);
    }
  }

  #unreachable(error: unknown): unknown {
    if (error instanceof CliError || this.#signal.aborted) return error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const words = 'socket' in this.#target ? this.#socketTrouble(this.#target.socket, code) : this.#urlTrouble(code);
    return new CliError(words);
  }

  #socketTrouble(socket: string, code: string): string {
    if (code === 'EACCES' || code === 'EPERM') {
      return `no permission to use ${socket}: run as root, or as a member of the group that the socket belongs to`;
    }
    const { program, socketOption } = this.#service;
    const why = { ENOENT: 'there is no such socket', ECONNREFUSED: 'nobody answers on it' }[code] ?? code;
    return (
      `${program} does not run, or not with the socket ${socket}: ${why}\n` +
      `start it with "systemctl start ${program}" or "${program} --config FILE"; name another socket with ${socketOption} PATH`
    );
  }

  #urlTrouble(code: string): string {
    const { program, httpField } = this.#service;
    const why = {
      ECONNREFUSED: 'connection refused',
      ENOTFOUND: 'no such host',
      ETIMEDOUT: 'no answer',
      EHOSTUNREACH: 'no route to the host',
      ECONNRESET: 'the connection was closed',
    }[code];
    return `can't reach ${program} on ${this.#name()}: ${why ?? code}\ncheck ${httpField} in the configuration of that node: by default only the node itself can connect`;
  }

  #name(): string {
    return 'socket' in this.#target ? this.#target.socket : this.#target.url.origin;
  }
}

function urlOptions(url: URL): RequestOptions {
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port };
}

function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}

/** Parses an answer. Texts in it may come from a peer, so what controls a terminal is taken out. */
function parseJson(text: string): unknown {
  const suspicious = /\\[nrtbfu]|[\u0080-\u009f]/.test(text);
  return suspicious ? JSON.parse(text, (_key, value: unknown) => printable(value)) : JSON.parse(text);
}

function printable(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/[\n\r\t]+/g, ' ').replace(/\p{Cc}/gu, '\uFFFD') : value;
}

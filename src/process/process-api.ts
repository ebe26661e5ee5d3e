/** The HTTP API of a process: the one on the Unix socket in any case, the read-only one where its address is free. */
import { ApiListenError } from '../api/listen.ts';
import type { ApiServer, ApiServerPlace } from '../api/server.ts';
import type { AnyEventLog } from './event-log.ts';
import type { Log } from './log.ts';

export interface ProcessApiOptions {
  /** Starts the server. */
  readonly start: (place: ApiServerPlace) => Promise<ApiServer>;
  /** An empty socket: none. */
  readonly config: { readonly socket: string; readonly http: ApiServerPlace['http'] | undefined };
  readonly events: AnyEventLog;
  readonly log: Log;
}

export class ProcessApi {
  private readonly options: ProcessApiOptions;
  private server: ApiServer | undefined;
  /** Why the read-only API is not there. */
  private problem: string | undefined;

  constructor(options: ProcessApiOptions) {
    this.options = options;
  }

  /** Rejects with {@link ApiListenError} where the socket can't be listened on. */
  async start(): Promise<void> {
    const { start, log, events, config } = this.options;
    const { socket, http } = config;
    const onDefect = (error: unknown, request: string): void => log.error(`API: ${request}`, { error });
    const place: ApiServerPlace = { ...(socket !== '' && { socket }), onDefect };
    try {
      this.server = await start({ ...place, ...(http !== undefined && { http }) });
    } catch (error) {
      if (!(error instanceof ApiListenError) || error.where === socket) throw error;
      // The process does its work by now: what only looks at it must not take it down.
      this.server = await start(place);
      this.problem = error.message;
      events.add('daemon', error.where, error.message, 'error');
    }
  }

  /** What is in the way, a sentence each. */
  get problems(): readonly string[] {
    return this.problem === undefined ? [] : [this.problem];
  }

  async close(): Promise<void> {
    await this.server?.close();
  }
}

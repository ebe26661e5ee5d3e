/** The HTTP API of the daemon: the one on the Unix socket in any case, the read-only one where its address is free. */
import type { DaemonView } from '../api/daemon-view.ts';
import { ApiListenError } from '../api/listen.ts';
import type { ApiServer, ApiServerOptions } from '../api/server.ts';
import type { Config } from '../process/config.ts';
import type { EventLog } from '../process/event-log.ts';
import type { Log } from '../process/log.ts';

interface DaemonApiOptions {
  readonly daemon: DaemonView;
  readonly config: Config['api'];
  readonly events: EventLog;
  readonly log: Log;
}

export class DaemonApi {
  private readonly options: DaemonApiOptions;
  private server: ApiServer | undefined;
  /** Why the read-only API is not there. */
  private problem: string | undefined;

  constructor(options: DaemonApiOptions) {
    this.options = options;
  }

  /** Rejects with {@link ApiListenError} where the socket can't be listened on. */
  async start(): Promise<void> {
    const { daemon, log, events, config } = this.options;
    const { socket, http } = config;
    // The API's modules are large; sessions need not wait for them.
    const { startDaemonApi } = await import('../api/daemon-server.ts');
    const onDefect = (error: unknown, request: string): void => log.error(`API: ${request}`, { error });
    const options: ApiServerOptions<DaemonView> = { view: daemon, ...(socket !== '' && { socket }), onDefect };
    try {
      this.server = await startDaemonApi({ ...options, ...(http !== undefined && { http }) });
    } catch (error) {
      if (!(error instanceof ApiListenError) || error.where === socket) throw error;
      // Sessions are up by now: what only looks at them must not take them down.
      this.server = await startDaemonApi(options);
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

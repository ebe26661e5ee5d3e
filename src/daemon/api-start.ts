/** Starts the HTTP API of the daemon: the one on the Unix socket in any case, the read-only one where its address is free. */
import type { DaemonView } from '../api/daemon-view.ts';
import { ApiListenError } from '../api/listen.ts';
import type { ApiServer, ApiServerOptions } from '../api/server.ts';
import type { Config } from './config.ts';

/** Rejects with {@link ApiListenError} where the socket can't be listened on; `problem` is why there is no read-only API. */
export async function startApi(
  daemon: DaemonView,
  { socket, http }: Config['api'],
  onDefect: NonNullable<ApiServerOptions['onDefect']>,
): Promise<{ server: ApiServer; problem?: ApiListenError }> {
  // The API's modules are large; sessions need not wait for them.
  const { startApiServer } = await import('../api/server.ts');
  const options: ApiServerOptions = { daemon, ...(socket !== '' && { socket }), onDefect };
  try {
    return { server: await startApiServer({ ...options, ...(http !== undefined && { http }) }) };
  } catch (error) {
    if (!(error instanceof ApiListenError) || error.where === socket) throw error;
    // Sessions are up by now: what only looks at them must not take them down.
    return { server: await startApiServer(options), problem: error };
  }
}

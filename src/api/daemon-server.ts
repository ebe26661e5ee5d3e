/** The API of the daemon. */
import type { DaemonView } from './daemon-view.ts';
import type { Endpoint } from './endpoint.ts';
import { ACTIONS } from './endpoints/actions.ts';
import { READING } from './endpoints/reading.ts';
import { SERVICES } from './endpoints/services.ts';
import { DAEMON } from './listen.ts';
import { daemonRenderer } from './metrics/daemon-renderer.ts';
import { startApiServer } from './server.ts';
import type { ApiServer, ApiServerOptions } from './server.ts';

/** Its route table. */
export const DAEMON_ENDPOINTS: readonly Endpoint<DaemonView>[] = [...READING, ...SERVICES, ...ACTIONS];

/** Starts it. Throws `ApiListenError` as {@link startApiServer}. */
export function startDaemonApi(options: ApiServerOptions<DaemonView>): Promise<ApiServer> {
  return startApiServer(options, {
    owner: DAEMON,
    description: 'API of starlingd, the BGP daemon of one node.',
    endpoints: DAEMON_ENDPOINTS,
    renderer: daemonRenderer(),
  });
}

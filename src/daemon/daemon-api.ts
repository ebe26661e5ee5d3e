import type { DaemonView } from '../api/daemon-view.ts';
import { ProcessApi } from '../process/process-api.ts';
import type { ProcessApiOptions } from '../process/process-api.ts';

/** The HTTP API of the daemon. Its modules are large, and sessions need not wait for them: they are loaded when it starts. */
export function daemonApi(view: DaemonView, options: Omit<ProcessApiOptions, 'start'>): ProcessApi {
  return new ProcessApi({
    ...options,
    start: async (place) => (await import('../api/daemon-server.ts')).startDaemonApi({ ...place, view }),
  });
}

/** The API of the policy agent. */
import type { AgentView } from './agent-view.ts';
import type { Endpoint } from './endpoint.ts';
import { POLICY } from './endpoints/policy.ts';
import { AGENT } from './listen.ts';
import { agentRenderer } from './metrics/agent-renderer.ts';
import { startApiServer } from './server.ts';
import type { ApiServer, ApiServerOptions } from './server.ts';

/** Its route table. */
export const AGENT_ENDPOINTS: readonly Endpoint<AgentView>[] = POLICY;

/** Starts it. Throws `ApiListenError` as {@link startApiServer}. */
export function startAgentApi(options: ApiServerOptions<AgentView>): Promise<ApiServer> {
  return startApiServer(options, {
    owner: AGENT,
    description: 'API of starling-policyd, the policy agent of one node.',
    endpoints: AGENT_ENDPOINTS,
    renderer: agentRenderer(),
  });
}

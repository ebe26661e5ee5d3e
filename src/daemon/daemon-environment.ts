import type { SessionEnvironment } from '../bgp/session/session-handler.ts';
import type { ProgramEnvironment } from '../process/program.ts';

/** What the daemon needs of the world. */
export interface DaemonEnvironment extends ProgramEnvironment {
  readonly session: SessionEnvironment;
}

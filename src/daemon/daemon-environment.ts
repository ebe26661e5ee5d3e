import type { SessionEnvironment } from '../bgp/session/session-handler.ts';
import type { Log } from '../process/log.ts';

/** What the daemon needs of the world. */
export interface DaemonEnvironment {
  readonly version: string;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly session: SessionEnvironment;
  /** Called when somebody asked over the API to stop. */
  readonly onShutdown: (forGood: boolean) => void;
  /** Called when something failed without which the daemon does not do its work: it is to be stopped and started again. */
  readonly onFailure: (words: string) => void;
}

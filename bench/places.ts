/** Where a daemon that is measured runs, and where its load does. */
import type { Namespace } from '../test/support/namespaces.ts';

export interface Places {
  /** Of the daemon. */
  readonly here: Namespace;
  /** Of the load, or of the other nodes. */
  readonly there: Namespace;
  readonly daemonCpu: string;
  readonly loadCpu: string;
  /** The load generator's main file. */
  readonly loadProgram: string;
}

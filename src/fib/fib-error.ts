import type { FibTrouble } from './worker-messages.ts';

/** Something about the kernel's routes that can't be done, or that will not work as it should. */
export class FibError extends Error {
  readonly code: FibTrouble['code'];
  /** How many routes it is about, where that is known. */
  readonly routes: number | undefined;

  constructor(trouble: FibTrouble) {
    super(trouble.message);
    this.name = 'FibError';
    this.code = trouble.code;
    this.routes = trouble.routes;
  }
}

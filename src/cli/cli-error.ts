/** A command could not do what it was asked to. */

/** 1: it failed, or the thing asked for is not so; 2: it was used wrongly, or a configuration is not valid. */
export type FailureCode = 1 | 2;

/** The message says what happened, where, and what to do; it is all that the user sees. */
export class CliError extends Error {
  readonly code = 'CLI_FAILED';
  readonly exitCode: FailureCode;

  constructor(message: string, exitCode: FailureCode = 1) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

/** The demo can't go on; the message says why and what to do. */
export class DemoError extends Error {
  readonly code = 'DEMO';

  constructor(message: string) {
    super(message);
    this.name = 'DemoError';
  }
}

/** What a command sees of the process it runs in. */
import { once } from 'node:events';

export interface CliIo {
  /** Writes to standard output; resolves when more may be written. */
  write(text: string): Promise<void>;
  /** Writes to standard error. */
  writeError(text: string): void;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user asks to stop (Ctrl-C). */
  readonly signal: AbortSignal;
}

/** The real thing. A reader that goes away (`| head`) ends the process quietly. */
export function processIo(): CliIo {
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  return {
    write: async (text) => {
      if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    },
    writeError: (text) => void process.stderr.write(text),
    isTerminal: process.stdout.isTTY,
    environment: process.env,
    signal: abort.signal,
  };
}

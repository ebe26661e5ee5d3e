/** Log lines on standard error: text for people and journald, JSON for machines. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  debug(words: string, fields?: object): void;
  info(words: string, fields?: object): void;
  warn(words: string, fields?: object): void;
  error(words: string, fields?: object): void;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly write: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A log that writes lines of at least `level`. */
export function createLog({ level, format, write, now }: LogOptions): Log {
  const least = LEVELS.indexOf(level);
  const logger =
    (at: LogLevel) =>
    (words: string, fields: object = {}): void => {
      if (LEVELS.indexOf(at) < least) return;
      const time = new Date(now()).toISOString();
      const plain = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plainValue(value)]));
      write(format === 'json' ? jsonLine({ time, level: at, msg: words, ...plain }) : textLine(time, at, words, plain));
    };
  return { debug: logger('debug'), info: logger('info'), warn: logger('warn'), error: logger('error') };
}

function plainValue(value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? value.message) : value;
}

function jsonLine(fields: object): string {
  return `${JSON.stringify(fields)}\n`;
}

function textLine(time: string, level: LogLevel, words: string, fields: Record<string, unknown>): string {
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${String(value)}`);
  return `${time} ${level.toUpperCase().padEnd(5)} ${words}${rest.join('')}\n`;
}

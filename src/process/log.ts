/** Log lines on standard error: text for people and journald, JSON for machines. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What a line is about. */
export interface LogFields {
  /** Whom or what: text lines begin with it. */
  readonly subject?: string;
  /** Kind of event, for machines; people see it from the words. */
  readonly type?: string;
  readonly error?: unknown;
}

/** What is logged, and how. */
export interface LogSettings {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
}

export interface Log {
  debug(words: string, fields?: LogFields): void;
  info(words: string, fields?: LogFields): void;
  warn(words: string, fields?: LogFields): void;
  error(words: string, fields?: LogFields): void;
  /** Takes effect from the next line on. */
  configure(settings: LogSettings): void;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface LogOptions extends LogSettings {
  readonly write: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A log that writes lines of at least `level`. */
export function createLog({ level, format, write, now }: LogOptions): Log {
  let settings: LogSettings = { level, format };
  const logger =
    (at: LogLevel) =>
    (words: string, fields: LogFields = {}): void => {
      if (LEVELS.indexOf(at) < LEVELS.indexOf(settings.level)) return;
      const time = new Date(now()).toISOString();
      write(settings.format === 'json' ? jsonLine(time, at, words, fields) : textLine(time, at, words, fields));
    };
  return {
    debug: logger('debug'),
    info: logger('info'),
    warn: logger('warn'),
    error: logger('error'),
    configure: (changed) => void (settings = changed),
  };
}

function jsonLine(time: string, level: LogLevel, msg: string, fields: LogFields): string {
  const { error, ...rest } = fields;
  const trouble = error === undefined ? {} : { error: errorText(error) };
  return `${JSON.stringify({ time, level, msg, ...rest, ...trouble })}\n`;
}

function textLine(time: string, level: LogLevel, words: string, { subject, error }: LogFields): string {
  const about = subject === undefined ? '' : `${subject}: `;
  const trouble = error === undefined ? '' : `: ${errorText(error)}`;
  return `${time} ${level.toUpperCase().padEnd(5)} ${about}${words}${trouble}\n`;
}

/** With the stack: what is thrown and comes here is a defect. */
function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

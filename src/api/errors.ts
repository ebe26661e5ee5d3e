/** Errors that the API answers with. */

/** HTTP status of each error code. */
const STATUS = {
  INVALID: 400,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  TOO_LARGE: 413,
  UNAVAILABLE: 503,
} as const;

export type ApiErrorCode = keyof typeof STATUS;

/**
 * What was asked for can't be done: thrown by the handlers and by `DaemonView`, answered as `{error: {code, message}}`.
 * The message says what is wrong and, where there is something to do, what to do.
 */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  /** HTTP status. */
  readonly status: number;

  constructor(code: ApiErrorCode, message: string) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = STATUS[code];
  }
}

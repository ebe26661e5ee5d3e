/** What the Kubernetes API says when it refuses: an HTTP status, or a `Status` object in a watch. */
import { isJsonObject } from '../../resources/resource.ts';

export interface ApiStatus {
  /** As the HTTP status codes. */
  readonly code: number;
  /** One word of the API's own, such as `Expired`. */
  readonly reason: string;
  readonly message: string;
  /** How long not to ask again, in seconds, where the server says so. */
  readonly retryAfter?: number;
}

/** The API refused a request. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: ApiStatus;

  constructor(status: ApiStatus) {
    super(wordsOf(status));
    this.status = status;
  }
}

/** Reads a `Status` of meta/v1; `code` and `fallback` are used where it is none. */
export function apiStatus(value: unknown, code: number, fallback: string): ApiStatus {
  if (!isJsonObject(value) || value['kind'] !== 'Status') return { code, reason: '', message: fallback };
  const details = isJsonObject(value['details']) ? value['details'] : {};
  const retryAfter = details['retryAfterSeconds'];
  return {
    code: typeof value['code'] === 'number' ? value['code'] : code,
    reason: textOf(value['reason']) ?? '',
    message: textOf(value['message']) ?? fallback,
    ...(typeof retryAfter === 'number' && retryAfter > 0 && { retryAfter }),
  };
}

/** One line that says who refused what, and what to do where that is known. */
function wordsOf({ code, message }: ApiStatus): string {
  if (code === 401) return 'the API server does not accept the credentials (401 Unauthorized)';
  if (code === 403)
    return `the API server forbids it (403): ${message}; deploy/rbac.yaml holds the rights that are needed`;
  return `the API server answers ${code}: ${message}`;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

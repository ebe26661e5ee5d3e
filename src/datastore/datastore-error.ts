/** The datastore can't be read at all, or did not take what was to be written. */
export class DatastoreError extends Error {
  readonly code: 'DATASTORE_UNREADABLE' | 'DATASTORE_UNWRITABLE';

  constructor(message: string, options: ErrorOptions & { readonly code?: DatastoreError['code'] } = {}) {
    super(message, options);
    this.name = 'DatastoreError';
    this.code = options.code ?? 'DATASTORE_UNREADABLE';
  }
}

/** Whether an error of the file system says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR');
}

/** Whether an error of the system is the one of this name. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** What went wrong, to follow the name of what it went wrong with. */
export function reasonOf(error: unknown): string {
  if (isMissing(error)) return 'no such file or directory';
  return error instanceof Error ? error.message : String(error);
}

/** The token that stands for user and password. It outlives connections, because etcd takes its time to check a password. */
import { status } from '@grpc/grpc-js';
import { readPassword } from './credentials.ts';
import type { EtcdCredentials } from './credentials.ts';
import { EtcdError } from './etcd-error.ts';
import type { AuthenticateRequest } from './rpc.ts';

/** Gets a token from etcd. */
export type Authenticate = (request: AuthenticateRequest) => Promise<string>;

export class Login {
  readonly #credentials: EtcdCredentials;
  #token: string | undefined;
  #pending: Promise<void> | undefined;

  constructor(credentials: EtcdCredentials) {
    this.#credentials = credentials;
  }

  get hasUser(): boolean {
    return (this.#credentials.username ?? '') !== '';
  }

  /** Undefined where there is no user, and before the first login; empty where etcd wants none. */
  get token(): string | undefined {
    return this.#token;
  }

  /** Gets a new token in place of `stale`, unless that has been done already. Callers at the same time share one login. */
  async renew(stale: string | undefined, authenticate: Authenticate): Promise<void> {
    if (this.#token !== stale) return;
    this.#pending ??= this.#logIn(authenticate).finally(() => {
      this.#pending = undefined;
    });
    await this.#pending;
  }

  async #logIn(authenticate: Authenticate): Promise<void> {
    const name = this.#credentials.username ?? '';
    try {
      this.#token = await authenticate({ name, password: await readPassword(this.#credentials) });
    } catch (error) {
      if (!isAuthDisabled(error)) throw error;
      this.#token = '';
    }
  }
}

/** A cluster that asks nobody who he is takes requests without a token. */
function isAuthDisabled(error: unknown): boolean {
  const { cause } = error instanceof EtcdError ? error : { cause: error };
  return cause instanceof Error && 'code' in cause && cause.code === status.FAILED_PRECONDITION;
}

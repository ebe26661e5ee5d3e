/** How tests ask the built daemon that runs on a node: its API, and the `starling` command. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { PeerSummary, StatusReport } from '../../src/api/types.ts';
import { httpRequest } from '../support/http.ts';

/** The compiled programs. */
export const DIST = join(import.meta.dirname, '../../dist');

/** What a command said. */
export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What has a daemon that answers on a socket. */
export abstract class DaemonClient {
  /** Path of the socket. */
  abstract readonly socket: string;

  /** Runs the `starling` command. */
  starling(...argv: string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      const command = [join(DIST, 'cli/main.js'), '--socket', this.socket, ...argv];
      execFile('node', command, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
    });
  }

  /** Asks the API; throws where the answer is not 200. */
  async api<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    return JSON.parse(await this.request(method, path, body)) as T;
  }

  status(): Promise<StatusReport> {
    return this.api('GET', '/api/v1/status');
  }

  async peers(): Promise<readonly PeerSummary[]> {
    return (await this.api<{ peers: PeerSummary[] }>('GET', '/api/v1/peers')).peers;
  }

  protected async request(method: string, path: string, body?: object): Promise<string> {
    const headers = { 'content-type': 'application/json' };
    const options = { socketPath: this.socket, method, path, headers, agent: false };
    const { status, text } = await httpRequest(options, body === undefined ? undefined : JSON.stringify(body));
    if (status !== 200) throw new Error(`${method} ${path}: ${status}: ${text}`);
    return text;
  }
}

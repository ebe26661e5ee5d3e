/** Where the API listens: a Unix socket that is safe to take over, and a TCP address. */
import { once } from 'node:events';
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/** The API can't listen where it should. */
export class ApiListenError extends Error {
  readonly code: 'API_SOCKET_IN_USE' | 'API_LISTEN_FAILED';
  /** Path of the socket, or `host:port`. */
  readonly where: string;

  constructor(code: ApiListenError['code'], where: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ApiListenError';
    this.code = code;
    this.where = where;
  }
}

/** Whose socket it is, for messages. */
export interface SocketOwner {
  /** Name of the program. */
  readonly program: string;
  /** Section of the configuration that says where it listens. */
  readonly section: string;
}

export const DAEMON: SocketOwner = { program: 'starlingd', section: 'api' };

export const AGENT: SocketOwner = { program: 'starling-policyd', section: 'policy' };

/** Owner and group may use the socket, and so do everything. */
const SOCKET_MODE = 0o660;

/**
 * Makes sure that the Unix socket can be had: its directory is there, and no other daemon answers on it. To be called
 * before a daemon touches anything that another one may have in hand. Throws {@link ApiListenError}.
 */
export async function claimSocket(path: string, owner: SocketOwner): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await removeStaleSocket(path, owner);
  } catch (error) {
    throw socketError(error, path, owner);
  }
}

/**
 * Listens on a Unix socket. A socket file that nobody answers on is left from a daemon that died, and replaced.
 * Throws {@link ApiListenError}: `API_SOCKET_IN_USE` when another daemon answers there.
 */
export async function listenUnix(server: Server, path: string, owner: SocketOwner): Promise<void> {
  await claimSocket(path, owner);
  try {
    server.listen({ path });
    await once(server, 'listening');
    await chmod(path, SOCKET_MODE);
  } catch (error) {
    throw socketError(error, path, owner);
  }
}

/** Listens on a TCP address; port 0 picks one. Throws {@link ApiListenError}. */
export async function listenTcp(server: Server, host: string, port: number, { section }: SocketOwner): Promise<void> {
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (error) {
    throw asListenError(error, where, 'the read-only API', `another program may use it: change ${section}.http`);
  }
}

async function removeStaleSocket(path: string, { program, section }: SocketOwner): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new ApiListenError(
      'API_LISTEN_FAILED',
      path,
      `${path} is not a socket and is left alone: move it, or change ${section}.socket`,
    );
  }
  if (await isAnswered(path)) {
    throw new ApiListenError(
      'API_SOCKET_IN_USE',
      path,
      `another ${program} answers on ${path}: stop it, or change ${section}.socket`,
    );
  }
  await unlink(path);
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    // Anything but a refusal (no permission, backlog full) means that somebody may be there.
    return errorCode(error) !== 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}

function socketError(error: unknown, path: string, { section }: SocketOwner): ApiListenError {
  return asListenError(error, path, 'the API socket', `check ${section}.socket and the permissions of its directory`);
}

function asListenError(error: unknown, where: string, what: string, advice: string): ApiListenError {
  if (error instanceof ApiListenError) return error;
  return new ApiListenError(
    'API_LISTEN_FAILED',
    where,
    `can't listen on ${where} for ${what}: ${errorCode(error)}; ${advice}`,
    error,
  );
}

/** System error code, e.g. `EADDRINUSE`, or the message of an error that has none. */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}

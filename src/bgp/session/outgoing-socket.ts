import { Socket } from 'node:net';
import { parseAddress } from '../../net/address.ts';
import { KernelSocketsError } from './kernel-sockets.ts';
import type { KernelSockets } from './kernel-sockets.ts';
import type { SessionConfig } from './session-config.ts';
import { domainOf, setMd5Key, setSocketOptions } from './socket-options.ts';
import type { SocketOptions } from './socket-options.ts';

/**
 * Starts to connect to a neighbour. `kernel` is undefined where socket options are out of reach.
 * Throws {@link KernelSocketsError} where the session is to be secured by one of them, `SystemCallError` where the kernel
 * refuses one.
 */
export function openOutgoing(
  config: Omit<SessionConfig, 'nextPassword'>,
  options: SocketOptions,
  kernel: KernelSockets | undefined,
): Socket {
  const socket = kernel === undefined ? plainSocket(config) : preparedSocket(config, options, kernel);
  const { peerAddress: host, peerPort: port, localAddress } = config;
  socket.connect(localAddress === undefined ? { host, port } : { host, port, localAddress });
  return socket;
}

function preparedSocket(
  config: Omit<SessionConfig, 'nextPassword'>,
  options: SocketOptions,
  kernel: KernelSockets,
): Socket {
  const peer = parseAddress(config.peerAddress);
  const domain = domainOf(peer);
  const fd = kernel.open(domain);
  try {
    setSocketOptions(kernel, fd, domain, options);
    if (config.password !== undefined) setMd5Key(kernel, fd, peer, config.password);
    return new Socket({ fd });
  } catch (error) {
    kernel.close(fd);
    throw error;
  }
}

function plainSocket(config: Pick<SessionConfig, 'password' | 'ttlSecurity'>): Socket {
  requireUnsecured(config);
  return new Socket();
}

/** Throws {@link KernelSocketsError} for a session that needs socket options: it fails closed. */
export function requireUnsecured({ password, ttlSecurity }: Pick<SessionConfig, 'password' | 'ttlSecurity'>): void {
  if (password === undefined && ttlSecurity === undefined) return;
  const feature = password === undefined ? 'TTL security' : 'a TCP MD5 password';
  throw new KernelSocketsError(
    `${feature} is configured, but the native module "koffi", which sets it, does not load on this machine`,
  );
}

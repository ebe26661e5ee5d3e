/** Connections of addresses that are cut, against the kernel: in a network namespace of this file's own. */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deleteConnections } from '../../src/nftables/connections.ts';
import { enterNetworkNamespace } from '../support/own-network-namespace.ts';
import { missingHere } from '../support/skip.ts';

const missing = missingHere({ root: true, programs: ['nft', 'ip'] });
let namespace: Disposable | undefined;

beforeAll(() => {
  if (missing !== undefined) return;
  namespace = enterNetworkNamespace();
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const table = [
    'table inet t {',
    'chain nat { type nat hook output priority -100; ip daddr 127.0.1.1 dnat ip to 127.0.1.2; }',
    'chain out { type filter hook output priority 0; ct state new accept; }',
    '}',
  ];
  execFileSync('nft', ['-f', '-'], { input: table.join('\n') });
});
afterAll(() => namespace?.[Symbol.dispose]());

const count = () => Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_count', 'utf8'));

it.skipIf(missing !== undefined)('are those of an address in any place, and no others', async () => {
  const sockets = { udp4: createSocket('udp4'), udp6: createSocket('udp6') };
  const send = (family: 'udp4' | 'udp6', port: number, address: string) =>
    new Promise<void>((resolve, reject) => {
      sockets[family].send('x', port, address, (error) => (error === null ? resolve() : reject(error)));
    });
  for (let port = 1; port <= 3000; port++) await send('udp4', port, '127.0.0.2');
  await send('udp4', 9, '127.0.0.3');
  await send('udp4', 9, '127.0.1.1');
  await send('udp6', 9, '::1');
  for (const socket of Object.values(sockets)) socket.close();
  expect(count()).toBe(3003);

  expect(await deleteConnections([])).toBe(0);
  expect(await deleteConnections(['127.0.0.9', 'fd00::1', '::'])).toBe(0);
  expect(await deleteConnections(['127.0.0.2', '127.0.0.9'])).toBe(3000);
  expect(count()).toBe(3);
  // The server that the address was translated to.
  expect(await deleteConnections(['127.0.1.2'])).toBe(1);
  expect(await deleteConnections(['::1'])).toBe(1);
  // The client.
  expect(await deleteConnections(['127.0.0.1'])).toBe(1);
  expect(count()).toBe(0);
  await expect(deleteConnections(['nonsense'])).rejects.toThrow('nonsense');
});

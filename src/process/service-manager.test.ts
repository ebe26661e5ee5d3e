import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadLibc } from '../fib/netlink/libc.ts';
import { notifyServiceManager, unixAddress } from './service-manager.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

describe('the service manager', () => {
  it.each([(directory: string) => join(directory, 'notify'), () => `@starling-test-${process.pid}`])(
    'is told of a state, at a path or an abstract address',
    async (place) => {
      const directory = mkdtempSync(join(tmpdir(), 'notify-'));
      const libc = loadLibc();
      const fd = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
      try {
        const address = unixAddress(place(directory));
        expect(libc.bind(fd, address, address.length)).toBe(0);
        await notifyServiceManager('READY=1', place(directory));
        const bytes = new Uint8Array(64);
        const length = libc.recv(fd, bytes, bytes.length, MSG_DONTWAIT);
        expect(Buffer.from(bytes.subarray(0, length)).toString()).toBe('READY=1');
      } finally {
        libc.close(fd);
        rmSync(directory, { recursive: true });
      }
    },
  );

  it('is left alone where there is none, and missed where its socket is gone', async () => {
    await notifyServiceManager('READY=1', undefined);
    await notifyServiceManager('READY=1', '');
    await expect(notifyServiceManager('READY=1', '/nonexistent/notify')).rejects.toThrow(/can't be told on/);
  });
});

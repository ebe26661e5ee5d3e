import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { waitFor } from '../../test/support/wait-for.ts';
import { InterfaceWatch } from './interface-watch.ts';

/** Has this process open no more files until it is disposed of. */
async function withoutFiles(): Promise<AsyncDisposable> {
  const limits = execFileSync('prlimit', ['--pid', `${process.pid}`, '--nofile', '--noheadings', '--output', 'SOFT']);
  const script = 'prlimit --pid $0 --nofile=3:; echo done; read word; prlimit --pid $0 --nofile=$1:';
  const shell = spawn('sh', ['-c', script, `${process.pid}`, limits.toString().trim()], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(shell.stdout, 'data');
  return {
    async [Symbol.asyncDispose]() {
      shell.stdin.end('go\n');
      await once(shell, 'close');
    },
  };
}

it('follows the interfaces once it can, where it could not', async () => {
  const told: string[] = [];
  const watch = new InterfaceWatch({
    changed: (interfaces) => told.push(...interfaces.filter(({ name }) => name === 'lo').map(({ name }) => name)),
    troubled: (words) => told.push(words ?? 'no trouble'),
  });
  try {
    {
      await using _none = await withoutFiles();
      watch.follow();
      expect(told).toEqual([expect.stringContaining('open a netlink socket')]);
    }
    await waitFor(() => told.length > 1, { what: 'the interfaces' });
    expect(told.slice(1)).toEqual(['no trouble', 'lo']);
  } finally {
    watch.stop();
  }
});

/** `npm run demo` as people run it: with and without root, ended in every way; it must leave nothing behind. */
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { start } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import type { Scratch } from '../support/scratch.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';

const DEMO = [process.execPath, 'scripts/demo.mjs'];
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const UP = 'Ctrl-C ends the demo.';
const TIMEOUT = 45_000;

interface Demo extends AsyncDisposable {
  readonly process: RunningProcess;
  /** Processes and files of this demo that exist, in words. */
  remains(): string[];
}

/** Starts the demo with a directory of its own for its files. */
function startDemo(argv: readonly string[]): Demo {
  const scratch = createScratch('demo');
  chmodSync(scratch.path, 0o777);
  const process = start(argv, { name: 'demo', environment: { TMPDIR: scratch.path } });
  return {
    process,
    remains: () => [...processesOf(scratch), ...readdirSync(scratch.path)],
    async [Symbol.asyncDispose]() {
      await process.stop(10_000);
      scratch[Symbol.dispose]();
    },
  };
}

function processesOf(scratch: Scratch): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => `${pid} ${commandLine(pid)}`).filter((words) => words.includes(scratch.path));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

async function untilUp({ process }: Demo): Promise<void> {
  await waitFor(() => process.output().includes(UP) || !process.running(), {
    what: 'the demo to be up',
    timeoutMs: TIMEOUT,
  });
  expect(process.output()).toContain(UP);
}

/** The demo ends well; its output is shown if it does not. */
async function expectSuccess({ process }: Demo): Promise<void> {
  const code = await process.ended;
  expect({ code, output: process.output() }).toMatchObject({ code: 0 });
}

function expectReachability(output: string): void {
  const rows = output.match(/^node-\d {2}node-\d {2}2 +32\/32 +2 +32\/32$/gm) ?? [];
  expect(rows).toHaveLength(12);
  expect(output.match(/^node-\d {2}tor-\d {3}\d+$/gm)).toHaveLength(8);
  expectServices(output);
}

/** A service goes to the nodes of its pods, or to the rack of its pod with the other one as a backup, and answers. */
function expectServices(output: string): void {
  const rows = output.match(/^(?:web|store) .*$/gm)?.map((row) => row.split(/ {2,}/).join(' | '));
  expect(rows).toEqual([
    'web | 10.251.0.10 | node-1 node-2 | node-1 node-2 | - | 2 paths | 2 paths | 32/32',
    'web | fd00:10:251::10 | node-1 node-2 | node-1 node-2 | - | 2 paths | 2 paths | 32/32',
    'store | 10.251.0.20 | node-3 | node-3 node-4 | node-1 node-2 | 2 paths | 2 paths | 32/32',
    'store | fd00:10:251::20 | node-3 | node-3 node-4 | node-1 node-2 | 2 paths | 2 paths | 32/32',
  ]);
}

beforeEach((ctx) => requireOrSkip(ctx, { root: true, programs: ['setpriv', 'nft'] }));

describe('npm run demo', () => {
  it('checks with --once that every pod reaches every other over both switches', { timeout: TIMEOUT }, async () => {
    await using demo = startDemo([...DEMO, '--once']);
    await expectSuccess(demo);
    expectReachability(demo.process.output());
    expect(demo.remains()).toEqual([]);
  });

  it('needs no root', { timeout: TIMEOUT }, async (ctx) => {
    const probe = (...words: string[]) => spawnSync(NOBODY[0], [...NOBODY.slice(1), ...words]).status === 0;
    if (!probe('unshare', '--user', '--map-root-user', 'true')) ctx.skip('users may not create user namespaces here');
    if (!probe('test', '-r', 'scripts/demo.mjs')) ctx.skip('other users cannot read this checkout');
    await using demo = startDemo([...NOBODY, ...DEMO, '--once']);
    await expectSuccess(demo);
    expectReachability(demo.process.output());
    expect(demo.remains()).toEqual([]);
  });

  it('stays, with a command line to try that works, until it is told to stop', { timeout: TIMEOUT }, async () => {
    await using demo = startDemo(DEMO);
    await untilUp(demo);
    const [command] = /node \S*dist\/cli\/main\.js .* status$/m.exec(demo.process.output())!;
    const [program, ...words] = command.split(' ');
    const status = spawnSync(program, words, { encoding: 'utf8' });
    expect(status.stdout).toContain('2 of 2 established');
    expect(status.stdout).toMatch(/^Nothing is wrong\.$/m);
    demo.process.signal('SIGTERM');
    expect(await demo.process.ended).toBe(0);
    expect(demo.remains()).toEqual([]);
  });

  it('leaves nothing behind when it is killed', { timeout: TIMEOUT }, async () => {
    await using demo = startDemo(DEMO);
    await untilUp(demo);
    demo.process.signal('SIGKILL');
    const left = await waitFor(() => demo.remains(), { what: 'all to be gone', accept: (left) => left.length === 0 });
    expect(left).toEqual([]);
  });

  it(
    'leaves no process behind when its inner part is killed, and says that it failed',
    { timeout: TIMEOUT },
    async () => {
      await using demo = startDemo(DEMO);
      await untilUp(demo);
      const children = readFileSync(`/proc/${demo.process.pid}/task/${demo.process.pid}/children`, 'utf8');
      process.kill(Number(children.trim()), 'SIGKILL');
      expect(await demo.process.ended).toBe(1);
      const processes = () => demo.remains().filter((words) => / /.test(words));
      await waitFor(processes, { what: 'no process to be left', accept: (left) => left.length === 0 });
    },
  );

  it('fails with the log of a router that dies', { timeout: TIMEOUT }, async () => {
    await using demo = startDemo(DEMO);
    await untilUp(demo);
    const [, pid] = /^ {2}node-3 +(\d+)/m.exec(demo.process.output())!;
    process.kill(Number(pid), 'SIGKILL');
    expect(await demo.process.ended).toBe(1);
    expect(demo.process.output()).toContain('starlingd on node-3 ended (SIGKILL)');
    expect(demo.remains()).toEqual([]);
  });
});

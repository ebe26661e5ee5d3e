/** SIGHUP, and what starlingd records of a peer that never answers. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningProcess } from '../support/processes.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, TestNode, bgpPeer, linkAddresses } from './daemon-fixture.ts';

const [FIRST, SECOND, DEAD] = [1, 2, 3].map((number) => linkAddresses(number).theirs);

let node: TestNode;
let birds: Bird[] = [];
let daemon: RunningProcess;

beforeEach(async (ctx) => {
  requireOrSkip(ctx, DAEMON_NEEDS);
  node = new TestNode();
  birds = [
    await Bird.start(node.addLink(1), 1, 65_001, ['10.70.0.0/16']),
    await Bird.start(node.addLink(2), 2, 65_002, ['10.70.0.0/16']),
  ];
  node.addLink(3);
  node.writeBasics();
  node.write('peers.yaml', bgpPeer(1, 65_001), bgpPeer(2, 65_002), bgpPeer(3, 65_003));
  daemon = await node.startDaemon();
  await node.established(FIRST, SECOND);
});
afterEach(async () => {
  if (missingHere(DAEMON_NEEDS) !== undefined) return;
  for (const bird of birds) await bird[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
});

/** Changes the configuration and has it read again; waits for these words in the log. */
async function reload(config: object, words: string): Promise<string> {
  const before = node.log.length;
  node.configure(config);
  daemon.signal('SIGHUP');
  return waitFor(() => node.log.slice(before), { what: words, accept: (log) => log.includes(words) });
}

/** How many next hops the kernel has for the route that both routers announce. */
async function nextHops(): Promise<number> {
  const routes = await node.ip<{ nexthops?: unknown[] }>('route', 'show', '10.70.0.0/16');
  return routes.reduce((sum, { nexthops }) => sum + (nexthops?.length ?? 1), 0);
}

describe('SIGHUP', () => {
  it('decides best paths anew, and leaves sessions alone', async () => {
    await waitFor(nextHops, { what: 'both next hops', accept: (count) => count === 2 });
    await reload({ bestPath: { multipathRelax: false } }, 'taken: bestPath.multipathRelax');
    await waitFor(nextHops, { what: 'one next hop', accept: (count) => count === 1 });
    await reload({}, 'taken: bestPath.multipathRelax');
    await waitFor(nextHops, { what: 'both next hops again', accept: (count) => count === 2 });
    expect((await node.peers()).map(({ flaps }) => flaps)).toEqual([0, 0, 0]);
  });

  it('takes log settings, and says what has to wait for a restart', async () => {
    const json = await reload({ log: { level: 'debug', format: 'json' } }, 'read again; taken: log.level, log.format');
    expect(JSON.parse(json.split('\n')[0])).toMatchObject({ level: 'info', type: 'config', subject: 'node-1' });
    await waitFor(() => node.log, { what: 'debug lines', accept: (log) => log.includes('"level":"debug"') });
    const text = await reload({ fib: { maxPaths: 4 } }, 'only after a restart: fib.maxPaths');
    expect(text).toMatch(/ WARN {2}node-1: changed, but in force only after a restart: fib\.maxPaths\n/);
    expect(await reload({}, 'read again')).toContain('nothing that can change while it runs is different');
  });

  it('keeps the old configuration where the new one is wrong', async () => {
    const log = await reload({ log: { level: 'loud' }, fibb: {} }, 'fibb is not a known field');
    expect(log).toMatch(/ ERROR \S+starlingd\.yaml:\d+:\d+: log\.level must be .*; the configuration in force stays\n/);
    expect(await reload({ log: { level: 'warn' } }, '')).not.toContain('ERROR');
    expect(daemon.running()).toBe(true);
    expect((await node.status()).peers.established).toBe(2);
  });
});

describe('a peer that never answers', () => {
  it('is recorded once, not with each attempt', async () => {
    await reload({ log: { level: 'debug' } }, 'taken: log.level');
    const attempts = () => node.log.split(`DEBUG ${DEAD}: connecting\n`).length;
    await waitFor(attempts, { what: 'some attempts to connect', accept: (count) => count > 2 });
    const told = (await node.events()).filter(({ subject }) => subject === DEAD).map(({ words }) => words);
    expect(told).toEqual([
      expect.stringMatching(/^peer added: /),
      'Connect: connecting',
      expect.stringMatching(/^Active: connection refused/),
    ]);
    expect(node.log).toMatch(new RegExp(` WARN  ${DEAD}: Active: connection refused`));
    expect((await node.peer(DEAD)).lastError?.words).toMatch(/^connection refused/);
  });

  it('is told again when the reason is another one, and when it comes and goes', async () => {
    birds[1].process.signal('SIGKILL');
    const told = async () =>
      (await node.events()).filter(({ subject }) => subject === SECOND).map(({ words }) => words);
    await waitFor(told, { what: 'the refusal', accept: (words) => words.some((one) => one.startsWith('Active: ')) });
    const words = await told();
    expect(words.filter((one) => one.startsWith('session ended: '))).toHaveLength(1);
    expect(node.log).toMatch(new RegExp(` WARN  ${SECOND}: session ended: `));
    birds[1] = await Bird.start(birds[1].namespace, 2, 65_002);
    await node.established(SECOND);
    const last = (await told()).at(-1);
    expect(last).toBe('Established: session established');
  });
});

/** starlingd where the start is not smooth: what it says, with which exit code, and how it goes on. */
import { appendFileSync, cpSync, existsSync, mkdirSync, renameSync, rmdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { start } from '../support/processes.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, NODE_AS, TestNode, bgpPeer, block, linkAddresses, resource } from './daemon-fixture.ts';

const FIRST = linkAddresses(1);

let node: TestNode;

beforeEach((ctx) => {
  requireOrSkip(ctx, DAEMON_NEEDS);
  node = new TestNode();
});
afterEach(async () => {
  if (missingHere(DAEMON_NEEDS) === undefined) await node[Symbol.asyncDispose]();
});

/** The daemon's routes in the kernel. */
async function installed(): Promise<unknown[]> {
  return node.ip('route', 'show', 'proto', 'bird', 'type', 'unicast');
}

/** Starts a daemon and kills it once it has put the router's route into the kernel. */
async function dieWithRoute(): Promise<void> {
  const daemon = await node.startDaemon();
  await node.established(FIRST.theirs);
  await waitFor(installed, { what: 'the route', accept: (routes) => routes.length === 1 });
  daemon.signal('SIGKILL');
  await daemon.ended;
}

/** A node with one BIRD, and a block to tell it. */
async function oneRouter(): Promise<Bird> {
  const bird = await Bird.start(node.addLink(1), 1, 65_001, ['10.70.0.0/16']);
  node.writeBasics();
  node.write('all.yaml', bgpPeer(1, 65_001), block('10.244.1.0/26'));
  return bird;
}

describe('starlingd', () => {
  it('exits with 2 where its configuration is not there, or wrong, and says where', async () => {
    const missing = node.launch('/nonexistent/starlingd.yaml');
    expect(await missing.ended).toBe(2);
    expect(missing.output()).toMatch(/^\/nonexistent\/starlingd\.yaml: can't be read: ENOENT/);
    const config = node.configure({ fib: { maxPath: 4 } });
    const wrong = node.launch(config);
    expect(await wrong.ended).toBe(2);
    expect(wrong.output()).toMatch(
      /starlingd\.yaml:\d+:\d+: fib\.maxPath is not a known field \(did you mean "maxPaths"\?\)/,
    );
  });

  it('goes on where another program has its port, says so, and takes the port when it is free', async () => {
    await using bird = await oneRouter();
    const script = "require('net').createServer().listen(179, '0.0.0.0', () => console.log('listens'))";
    await using other = start(['node', '--eval', script], { space: node.namespace });
    await waitFor(() => other.output().includes('listens'), { what: 'the other program' });
    await node.startDaemon();
    await node.established(FIRST.theirs);
    await bird.has('10.244.1.0/26');
    const words = 'cannot listen on 0.0.0.0:179: another program listens there';
    await waitFor(() => node.problems(), { what: 'the problem', accept: (problems) => problems.startsWith(words) });
    expect(node.log).toMatch(/ ERROR 0\.0\.0\.0:179: cannot listen on/);
    await other.stop();
    await waitFor(() => node.problems(), { what: 'the end of the problem', accept: (problems) => problems === '' });
    const told = (await node.events()).filter(({ subject }) => subject === '0.0.0.0:179');
    expect(told.map((event) => event.words)).toEqual([expect.stringContaining(words), 'listens now']);
  });

  it('goes on without the read-only API where another program has its port, and says so', async () => {
    await using _bird = await oneRouter();
    const script = "require('net').createServer().listen(8179, '127.0.0.1', () => console.log('listens'))";
    await using other = start(['node', '--eval', script], { space: node.namespace });
    await waitFor(() => other.output().includes('listens'), { what: 'the other program' });
    await node.startDaemon();
    await node.established(FIRST.theirs);
    expect(await node.problems()).toBe(
      "can't listen on 127.0.0.1:8179 for the read-only API: EADDRINUSE; another program may use it: change api.http",
    );
    expect(node.log).toContain(" ERROR 127.0.0.1:8179: can't listen on");
  });

  it('exits with 1 where it may not write routes, and says what it needs', async () => {
    const argv = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-all'];
    const daemon = node.launch(node.configure(), node.namespace, argv);
    expect(await daemon.ended).toBe(1);
    expect(daemon.output()).toMatch(/ ERROR .*that needs CAP_NET_ADMIN \(EPERM\)\n/);
  });

  it('exits with 1 where the thread that writes routes fails, and leaves routes and sessions for its next start', async () => {
    await using _bird = await oneRouter();
    const [whole, broken] = [node.dist, `${node.resources}-dist`];
    cpSync(whole, broken, { recursive: true });
    for (const name of ['node_modules', 'package.json']) symlinkSync(join(whole, '..', name), join(broken, '..', name));
    // The thread fails as soon as the file is there.
    const failure = `setInterval(() => { if (existsSync('${broken}/fail')) throw new Error('out of order'); }, 10);`;
    appendFileSync(join(broken, 'fib/worker.js'), `\nimport { existsSync } from 'node:fs';\n${failure}\n`);
    node.dist = broken;
    const daemon = await node.startDaemon();
    await node.established(FIRST.theirs);
    await waitFor(installed, { what: 'the route', accept: (routes) => routes.length === 1 });
    appendFileSync(join(broken, 'fail'), '');
    expect(await daemon.ended).toBe(1);
    const words = 'the thread that writes routes failed: out of order; starlingd ends, so that it is started again';
    expect(daemon.output()).toContain(` ERROR ${words}\n`);
    expect(await installed()).toHaveLength(1);
    node.dist = whole;
    await node.startDaemon();
    await node.established(FIRST.theirs);
    expect(await installed()).toHaveLength(1);
  });

  it('waits for its resources, and keeps what it knows while they are away', async () => {
    await using bird = await oneRouter();
    const away = `${node.resources}.away`;
    renameSync(node.resources, away);
    await node.startDaemon(node.configure(), 'failed');
    expect((await node.status()).datastore.lastError?.words).toContain("resources can't be read");
    renameSync(away, node.resources);
    await bird.has('10.244.1.0/26');
    const before = await bird.heard();
    renameSync(node.resources, away);
    const state = async () => (await node.status()).datastore.state;
    await waitFor(state, { what: 'the loss of the resources', accept: (seen) => seen === 'cached' });
    expect(node.log).toMatch(/ WARN {2}file: away: \S+ can't be read/);
    renameSync(away, node.resources);
    await waitFor(state, { what: 'the resources', accept: (seen) => seen === 'synced' });
    expect(await bird.heard()).toEqual(before);
  });

  it('does not touch anything of a daemon that runs already', async () => {
    await using bird = await oneRouter();
    await node.startDaemon();
    await node.established(FIRST.theirs);
    await bird.has('10.244.1.0/26');
    const before = [await bird.heard(), await node.ip('route'), await node.ip('nexthop')];
    const second = node.launch(node.configure({}, 'again.yaml'));
    expect(await second.ended).toBe(1);
    expect(second.output()).toMatch(
      /ERROR another starlingd answers on \S+\/api\.sock: stop it, or change api\.socket\n/,
    );
    expect([await bird.heard(), await node.ip('route'), await node.ip('nexthop')]).toEqual(before);
    expect((await node.peer(FIRST.theirs)).flaps).toBe(0);
  });

  it('keeps the routes of an earlier run until its resources say what is wanted, be they empty at first', async () => {
    await using _bird = await oneRouter();
    await dieWithRoute();
    const full = `${node.resources}.full`;
    renameSync(node.resources, full);
    mkdirSync(node.resources);
    await node.startDaemon();
    const other = () => node.ip('route', 'show', '10.99.0.0/16');
    // A route that is no leftover goes at once: then what is decided by the empty resources was worked off, too.
    await node.ip('route', 'add', '10.99.0.0/16', 'via', FIRST.theirs, 'proto', 'bird', 'metric', '1024');
    await waitFor(other, { what: 'the end of another route', accept: (routes) => routes.length === 0 });
    expect(await installed()).toMatchObject([{ dst: '10.70.0.0/16' }]);
    rmdirSync(node.resources);
    renameSync(full, node.resources);
    await node.established(FIRST.theirs);
    await waitFor(() => node.events(), {
      what: 'the end of the start',
      accept: (events) => events.some(({ words }) => words === 'the kernel has all routes of the first sync'),
    });
    expect(await installed()).toMatchObject([{ dst: '10.70.0.0/16' }]);
  });

  it('starts again after a sudden death, over the socket and the routes that were left', async () => {
    await using _bird = await oneRouter();
    await dieWithRoute();
    expect([existsSync(node.socket), (await installed()).length]).toEqual([true, 1]);
    await node.startDaemon();
    await node.established(FIRST.theirs);
    expect(await installed()).toHaveLength(1);
  });

  it('waits for its own Node, and says what it waits for', async () => {
    await using bird = await oneRouter();
    node.remove('node.yaml');
    node.write('other.yaml', resource('Node', 'node-7', { bgp: { ipv4Address: '10.91.7.7/24' } }));
    await node.startDaemon();
    const words = 'There is no Node "node-1"';
    await waitFor(() => node.problems(), { what: 'the problem', accept: (problems) => problems.includes(words) });
    expect(node.log).toMatch(/ WARN {2}node-1: .*There is no Node "node-1".* Create it, or correct nodeName\./);
    expect(await node.peers()).toEqual([]);
    node.writeBasics();
    await bird.has('10.244.1.0/26');
    expect(await node.problems()).toBe('');
  });

  it.each([
    ['the one that connects first', ['node-2', 'node-1']],
    ['the one that waits first', ['node-1', 'node-2']],
  ])('finds another starlingd in any order of starts: %s', async (_what, order) => {
    const far = node.addLink(1);
    node.writeBasics({ nodeToNodeMeshEnabled: true });
    node.write(
      'node-2.yaml',
      resource('Node', 'node-2', { bgp: { ipv4Address: `${FIRST.theirs}/24`, asNumber: NODE_AS } }),
    );
    const other = node.configure({ nodeName: 'node-2', api: { socket: '', http: '' } }, 'other.yaml');
    const starts = { 'node-1': () => node.startDaemon(), 'node-2': () => node.launch(other, far) };
    await using first = await starts[order[0] as keyof typeof starts]();
    await waitFor(() => first.output(), {
      what: 'the first one to look for the other',
      accept: (log) => /: (?:Connect|Active): /.test(log),
    });
    await using _second = await starts[order[1] as keyof typeof starts]();
    await node.established(FIRST.theirs);
    expect(await node.peer(FIRST.theirs)).toMatchObject({ type: 'mesh', passive: true, flaps: 0 });
  });
});

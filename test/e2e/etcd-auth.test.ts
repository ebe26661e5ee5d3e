/** The etcd datastore with users and passwords, and with certificates. */
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { startEtcd } from '../support/etcd.ts';
import { run as runCommand } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import { requireOrSkip } from '../support/skip.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { peer, peerKey, run, runSynced } from './etcd-fixture.ts';

const RESOURCES = '/calico/resources/v3/projectcalico.org/';
const USER = { username: 'starling', password: 'starling' };

beforeEach((ctx) => requireOrSkip(ctx, { programs: ['etcd', 'openssl'] }));

describe('users and passwords', () => {
  it('last through expired tokens, a restart and a compaction', async () => {
    using scratch = createScratch('etcd-auth');
    const flags = ['--auth-token', 'simple', '--auth-token-ttl', '1'];
    await using etcd = await startEtcd({ directory: scratch.path, flags });
    await etcd.enableAuth();
    await using proxy = await startTcpProxy({ target: etcd.port });
    const endpoints = [`http://127.0.0.1:${proxy.port}`];
    const passwordFile = scratch.write('password', 'starling\n');
    await using running = await runSynced({ endpoints, username: 'starling', passwordFile });
    const { writer } = running.datastore;

    await expired(etcd);
    await writer.patchNode('n', { asNumber: 1 });
    await waitFor(() => running.recorder.view.get('Node', 'n'), { what: 'the Node' });

    // The stream of the watches still has the token that is of no use any more.
    await expired(etcd);
    proxy.hold();
    proxy.cut();
    await rooted(etcd, () => etcd.put(peerKey('a'), peer('a')));
    await rooted(etcd, () => etcd.compact());
    proxy.release();
    await running.hasPeers('a 64513');

    await etcd.kill();
    await etcd.restart();
    await etcd.put(peerKey('b'), peer('b'));
    await running.hasPeers('a 64513', 'b 64513');
    await running.reach('synced');
    await writer.patchNode('n', { asNumber: 2 });
    expect(running.recorder.snapshots).toBe(1);
    expect(running.recorder.changed.filter((change) => change.startsWith('-'))).toEqual([]);
  });

  it('say in words what is wrong with them, until it is right', async () => {
    using scratch = createScratch('etcd-auth');
    await using etcd = await startEtcd({ directory: scratch.path });
    await etcd.enableAuth();
    const passwordFile = join(scratch.path, 'password');
    await using nobody = run({ endpoints: [etcd.url] });
    await using stranger = run({ endpoints: [etcd.url], ...USER, password: 'wrong' });
    await using unready = run({ endpoints: [etcd.url], username: 'starling', passwordFile });
    await saysWrong(nobody, /etcd asks for a user: set datastore\.etcd\.username/);
    await saysWrong(stranger, /etcd refuses the user or the password/);
    await saysWrong(unready, /datastore\.etcd\.passwordFile: .*password can't be read: no such file/);
    scratch.write('password.new', 'starling');
    renameSync(`${passwordFile}.new`, passwordFile);
    await unready.reach('synced');
    expect(nobody.recorder.snapshots).toBe(0);
  });

  it('may lack a right: what else there is goes on, and the range is told', async () => {
    using scratch = createScratch('etcd-auth');
    await using etcd = await startEtcd({ directory: scratch.path });
    await etcd.enableAuth();
    await using running = await runSynced({ endpoints: [etcd.url], ...USER });
    const [key, rangeEnd] = ['/calico/', '/calico0'].map(base64);
    await etcd.ask('/v3/auth/role/revoke', { role: 'calico', key, range_end: rangeEnd });
    await grant(etcd, peerKey(''), `${peerKey('').slice(0, -1)}0`);
    await etcd.kill();
    await etcd.restart();
    await etcd.put(peerKey('a'), peer('a'));
    await running.hasPeers('a 64513');
    const { state, sources } = running.datastore.status;
    expect(state).toBe('away');
    const states = sources.map((source) => `${source.name} ${source.state} ${source.lastError?.words}`);
    expect(states.filter((text) => text.includes(' synced '))).toEqual([expect.stringMatching(/bgppeers\//)]);
    expect(states.find((text) => text.includes('ippools'))).toMatch(
      / away \/calico\/.*\/ippools\/: permission denied: the user lacks the right/,
    );
    // Makes the token useless that the stream of the watches was opened with.
    await etcd.ask('/v3/auth/user/changepw', { name: 'starling', password: 'starling' });
    await grant(etcd, '/calico/', '/calico0');
    await running.reach('synced');
    expect(running.datastore.status.lastError?.words).toBe(`${etcd.url}: the login has expired`);
  });

  it('may lack rights that a node can begin without', async () => {
    using scratch = createScratch('etcd-auth');
    await using etcd = await startEtcd({ directory: scratch.path });
    await etcd.put(peerKey('a'), peer('a'));
    await etcd.enableAuth();
    const [key, rangeEnd] = ['/calico/', '/calico0'].map(base64);
    await etcd.ask('/v3/auth/role/revoke', { role: 'calico', key, range_end: rangeEnd });
    const kinds = ['bgpconfigurations', 'bgpfilters', 'ippools', 'nodes'];
    for (const kind of kinds) await grant(etcd, `${RESOURCES}${kind}/`, `${RESOURCES}${kind}0`);
    await grant(etcd, '/calico/ipam/', '/calico/ipam0');
    await using running = run({ endpoints: [etcd.url], ...USER });
    await waitFor(() => running.datastore.status.state, { what: 'the refusal', accept: (state) => state === 'away' });
    expect(running.recorder.snapshots).toBe(0);
    await grant(etcd, `${RESOURCES}bgppeers/`, `${RESOURCES}bgppeers0`);
    await running.reach('synced');
    expect([running.recorder.snapshots, ...running.recorder.peers]).toEqual([1, 'a 64513']);
    const unread = running.datastore.status.sources.flatMap((source) => source.unread?.kind ?? []);
    expect(unread.toSorted()).toEqual([
      'CalicoNodeStatus',
      'ClusterInformation',
      'FelixConfiguration',
      'PeerProfile',
      'ServiceAdvertisement',
    ]);
  });

  it('are of no interest to an etcd that asks for none', async () => {
    using scratch = createScratch('etcd-auth');
    await using etcd = await startEtcd({ directory: scratch.path });
    await using running = await runSynced({ endpoints: [etcd.url], ...USER });
    await etcd.put(peerKey('a'), peer('a'));
    await running.hasPeers('a 64513');
    expect(running.datastore.status.lastError).toBeUndefined();
  });
});

describe('TLS with certificates of the client', () => {
  it('takes what the files hold at each connection', async () => {
    using scratch = createScratch('etcd-tls');
    const at = (name: string) => join(scratch.path, name);
    await makeCertificates(scratch.path);
    const files = { ca: at('ca.pem'), cert: at('server.pem'), key: at('server.key') };
    const contents = {
      ca: readFileSync(files.ca, 'utf8'),
      cert: readFileSync(at('client.pem'), 'utf8'),
      key: readFileSync(at('client.key'), 'utf8'),
    };
    await using etcd = await startEtcd({ directory: scratch.path, tls: { files, contents } });
    await etcd.put(peerKey('a'), peer('a'));
    const endpoints = [etcd.url];
    await using running = run({ endpoints, caFile: files.ca, certFile: at('new.pem'), keyFile: at('new.key') });
    await saysWrong(running, /datastore\.etcd\.certFile: .*new\.pem can't be read: no such file/);
    for (const end of ['pem', 'key']) renameSync(at(`client.${end}`), at(`new.${end}`));
    await running.hasPeers('a 64513');
    await using stranger = run({ endpoints, caFile: files.ca });
    await using unsure = run({ endpoints, certFile: at('new.pem'), keyFile: at('new.key') });
    await using proxy = await startTcpProxy({ target: etcd.port, address: '127.0.0.2' });
    const own = { caFile: files.ca, certFile: at('new.pem'), keyFile: at('new.key') };
    await using elsewhere = run({ endpoints: [`https://127.0.0.2:${proxy.port}`], ...own });
    await using named = run({ endpoints: [etcd.url.replace('127.0.0.1', 'localhost')], ...own });
    await using plain = run({ endpoints: [etcd.url.replace('https', 'http')] });
    await saysWrong(stranger, /^https:\/\/127\.0\.0\.1:\d+: /);
    await saysWrong(unsure, /self[- ]signed certificate|unable to get local issuer|unable to verify/i);
    await saysWrong(plain, /^http:\/\/127\.0\.0\.1:\d+: /);
    await saysWrong(elsewhere, /IP: 127\.0\.0\.2 is not in the cert's list/);
    await saysWrong(named, /localhost/);
    expect([stranger, unsure, elsewhere, named, plain].map(({ recorder }) => recorder.snapshots)).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });
});

type Etcd = Awaited<ReturnType<typeof startEtcd>>;
type Running = ReturnType<typeof run>;

const base64 = (text: string) => Buffer.from(text).toString('base64');

async function saysWrong(running: Running, words: RegExp): Promise<void> {
  await waitFor(() => running.datastore.status.lastError?.words ?? '', {
    what: `an error like ${words}`,
    accept: (text) => words.test(text),
  });
}

async function grant(etcd: Etcd, from: string, end: string): Promise<void> {
  const perm = { permType: 'READWRITE', key: base64(from), range_end: base64(end) };
  await rooted(etcd, async () => {
    await etcd.ask('/v3/auth/role/grant', { name: 'calico', perm });
  });
}

/** Waits until the tokens that there are have expired: the test's own is refused. */
async function expired(etcd: Etcd): Promise<void> {
  const refused = () =>
    etcd.revision().then(
      () => false,
      (error: unknown) => String(error).includes('invalid auth token'),
    );
  // Every use of a token lengthens its life.
  await waitFor(refused, { what: 'the tokens to expire', intervalMs: 2200 });
}

/** Does it as root, with a new token where that is needed. */
async function rooted(etcd: Etcd, action: () => Promise<void>): Promise<void> {
  await etcd.logIn();
  await action();
}

/** An authority, and a certificate each for etcd and for the client. */
async function makeCertificates(directory: string): Promise<void> {
  const openssl = (...args: string[]) => runCommand(['openssl', ...args], { directory });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test', '-days', '2');
  for (const name of ['server', 'client']) {
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '2'];
    await openssl('req', '-x509', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.pem`, ...subject, ...signed);
  }
}

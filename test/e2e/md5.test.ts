/** TCP MD5 with passwords from Secrets, against BIRD: both ways of connecting, both families, Secrets changed live. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { createNamespace, link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { run, start } from '../support/processes.ts';
import { startBird } from '../support/routers/bird.ts';
import type { Router } from '../support/routers/router.ts';
import { starlingResources, startStarling } from '../support/routers/starling.ts';
import type { StarlingRouter } from '../support/routers/starling.ts';
import { createScratch } from '../support/scratch.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';

const DUT_ASN = 65_010;
const PEER_ASN = 65_020;
const OTHER_ASN = 65_030;
const LINK = { dut4: '10.89.1.1', dut6: '2001:db8:89:1::1', peer4: '10.89.1.2', peer6: '2001:db8:89:1::2' };
const OTHER_LINK = { dut4: '10.89.2.1', dut6: '2001:db8:89:2::1', peer4: '10.89.2.2', peer6: '2001:db8:89:2::2' };
const BOTH = [LINK.peer4, LINK.peer6];

/** Where BIRD listens while it is BIRD that is to connect: not where Starling looks for it. */
const OTHER_PORT = 1790;
const LONG = 40_000;

/** Passwords of the peer's session over IPv4 and over IPv6. */
interface Passwords {
  readonly v4: string;
  readonly v6: string;
}

const FIRST: Passwords = { v4: 'hunter2-first-v4', v6: 'hunter2-first-v6' };
const SECOND: Passwords = { v4: 'hunter2-second-v4', v6: 'hunter2-first-v6' };
const OTHER_PASSWORD = 'hunter2-other';

interface Peer {
  readonly state: string;
  readonly flaps: number;
  readonly since: { readonly time: string };
  readonly security: { readonly md5: boolean };
  readonly lastError: { readonly words: string } | null;
}

function secret(name: string, fields: object): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'kube-system' }, ...fields };
}

/** The Secret of the peer: one value as base64, one as text. */
function peerSecret({ v4, v6 }: Passwords): object {
  return secret('peer', { data: { v4: Buffer.from(v4).toString('base64') }, stringData: { v6 } });
}

function bgpPeer(name: string, peerIP: string, asNumber: number, key: string, fields: object = {}): object {
  const password = { secretKeyRef: { name: name === 'other' ? 'other' : 'peer', key } };
  const spec = { peerIP, asNumber, password, ...fields };
  return { apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name }, spec };
}

const DUT = { asn: DUT_ASN, routerId: LINK.dut4, address: LINK.dut4, address6: LINK.dut6, neighbours: [] };

function resources(...secrets: readonly object[]): object[] {
  return [
    ...starlingResources(DUT),
    bgpPeer('peer-v4', LINK.peer4, PEER_ASN, 'v4'),
    bgpPeer('peer-v6', LINK.peer6, PEER_ASN, 'v6'),
    bgpPeer('other', OTHER_LINK.peer4, OTHER_ASN, 'password', { sourceAddress: 'None' }),
    secret('other', { stringData: { password: OTHER_PASSWORD } }),
    ...secrets,
  ];
}

/** The router under test and its two peers. */
class Scene implements AsyncDisposable {
  readonly dut: Namespace;
  readonly peer: Namespace;
  readonly other: Namespace;
  readonly connects: 'Starling' | 'BIRD';
  starling!: StarlingRouter;
  otherBird: Router | undefined;
  bird: Router | undefined;

  constructor(connects: 'Starling' | 'BIRD') {
    this.connects = connects;
    [this.dut, this.peer, this.other] = ['dut', 'peer', 'other'].map(createNamespace);
    for (const [device, to, { dut4, dut6, peer4, peer6 }] of [
      ['peer', this.peer, LINK],
      ['other', this.other, OTHER_LINK],
    ] as const) {
      link(
        { namespace: this.dut, device, addresses: [`${dut4}/24`, `${dut6}/64`] },
        { namespace: to, addresses: [`${peer4}/24`, `${peer6}/64`] },
      );
    }
  }

  async start(): Promise<void> {
    this.starling = await startStarling(DUT, { namespace: this.dut });
    this.starling.apply(resources(peerSecret(FIRST)));
    const peers = () => this.starling.api<{ peers: readonly unknown[] }>('GET', '/api/v1/peers');
    await waitFor(async () => ((await peers()).peers.length === 3 ? 'all' : this.starling.process.output()), {
      what: 'three peers',
      accept: (seen) => seen === 'all',
    });
    const { peer4: address, peer6: address6, dut4 } = OTHER_LINK;
    const neighbour = { address: dut4, asn: DUT_ASN, families: ['ipv4'] as const, password: OTHER_PASSWORD };
    this.otherBird = await startBird(
      { asn: OTHER_ASN, routerId: address, address, address6, neighbours: [neighbour] },
      { namespace: this.other },
    );
    await this.startPeer(FIRST);
  }

  /** Starts BIRD, in place of one that runs already. */
  async startPeer({ v4, v6 }: Passwords): Promise<void> {
    await this.bird?.[Symbol.asyncDispose]();
    const passive = this.connects === 'Starling';
    this.bird = await startBird(
      {
        asn: PEER_ASN,
        routerId: LINK.peer4,
        address: LINK.peer4,
        address6: LINK.peer6,
        ...(passive ? {} : { port: OTHER_PORT }),
        neighbours: [
          { address: LINK.dut4, asn: DUT_ASN, families: ['ipv4'], password: v4, passive },
          { address: LINK.dut6, asn: DUT_ASN, families: ['ipv6'], password: v6, passive },
        ],
      },
      { namespace: this.peer },
    );
  }

  show(address: string): Promise<Peer> {
    return this.starling.api<Peer>('GET', `/api/v1/peers/${encodeURIComponent(address)}`);
  }

  /** Waits until all these sessions are established; both sides must think so. */
  async established(...addresses: readonly string[]): Promise<void> {
    await waitFor(async () => Promise.all(addresses.map((address) => this.show(address))), {
      what: `sessions with ${addresses.join(' and ')}`,
      timeoutMs: LONG,
      accept: (peers) => peers.every(({ state }) => state === 'Established'),
    });
  }

  /** What a peer's report says once `accept` likes it. */
  peerReport(address: string, what: string, accept: (peer: Peer) => boolean): Promise<Peer> {
    return waitFor(() => this.show(address), { what, timeoutMs: LONG, accept });
  }

  /** Segments signed with another key, as the kernel of the peer has counted them. */
  async wronglySigned(): Promise<number> {
    const text = await run(['nstat', '-asz', 'TcpExtTCPMD5Failure'], { space: this.peer });
    return Number(/^TcpExtTCPMD5Failure\s+(\d+)/m.exec(text)?.[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bird?.[Symbol.asyncDispose]();
    await this.otherBird?.[Symbol.asyncDispose]();
    await this.starling?.[Symbol.asyncDispose]();
    for (const namespace of [this.dut, this.peer, this.other]) namespace[Symbol.dispose]();
  }
}

/** Everything that a password may have got into, and what of it holds one. */
async function leaks({ starling }: Scene): Promise<string[]> {
  const paths = ['status', 'peers', 'events', ...[...BOTH, OTHER_LINK.peer4].map((address) => `peers/${address}`)];
  const answers = await Promise.all(
    paths.map(async (path) => [path, JSON.stringify(await starling.api<unknown>('GET', `/api/v1/${path}`))] as const),
  );
  return [['log', starling.process.output()] as const, ...answers]
    .filter(([, text]) => holdsPassword(text))
    .map(([where]) => where);
}

function holdsPassword(text: string): boolean {
  const all = [...Object.values(FIRST), ...Object.values(SECOND), OTHER_PASSWORD];
  return [...all, ...all.map((password) => Buffer.from(password).toString('base64'))].some((one) => text.includes(one));
}

const missing = missingHere({ root: true, programs: ['bird', 'birdc', 'nsenter', 'setpriv', 'nstat'] });

describe.skipIf(missing !== undefined)(`TCP MD5${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  describe.each(['Starling', 'BIRD'] as const)('where %s connects', (connects) => {
    let scene: Scene;
    let before: Peer;
    beforeAll(async () => {
      // The most that is ever logged.
      vi.stubEnv('STARLING_LOG_LEVEL', 'debug');
      scene = new Scene(connects);
      await scene.start();
    });
    afterAll(async () => {
      vi.unstubAllEnvs();
      await scene?.[Symbol.asyncDispose]();
    });

    it('is established with the right passwords, over IPv4 and IPv6', async () => {
      await scene.established(...BOTH, OTHER_LINK.peer4);
      const peers = await Promise.all([...BOTH, OTHER_LINK.peer4].map((address) => scene.show(address)));
      expect(peers.map(({ security }) => security.md5)).toEqual([true, true, true]);
      before = peers[2];
    });

    it('keeps its session when its password changes in the Secret: the peer has until the hold time ends', async () => {
      const refused = await scene.wronglySigned();
      scene.starling.apply(resources(peerSecret(SECOND)));
      await waitFor(() => scene.starling.process.output().includes(`${LINK.peer4}: its password changed`), {
        what: 'the other password',
      });
      await scene.starling.api('POST', `/api/v1/peers/${LINK.peer4}/reset`, { kind: 'in' });
      await waitFor(() => scene.wronglySigned(), { what: 'a drop', accept: (count) => count > refused });
      for (const address of BOTH) expect(await scene.show(address)).toMatchObject({ state: 'Established', flaps: 0 });
    });

    it('says what may be wrong where the peer does not have the new password', async () => {
      await scene.starling.api('POST', `/api/v1/peers/${LINK.peer4}/reset`, { kind: 'hard' });
      const { state } = await scene.peerReport(
        LINK.peer4,
        'a silent peer',
        ({ lastError }) => lastError?.words.includes('TCP MD5 password may be another one') === true,
      );
      expect(state).not.toBe('Established');
      expect(await scene.show(LINK.peer6)).toMatchObject({ state: 'Established', flaps: 0 });
    });

    it('comes back when the peer has the new password', async () => {
      await scene.startPeer(SECOND);
      await scene.established(...BOTH);
      expect(await scene.show(LINK.peer4)).toMatchObject({ security: { md5: true } });
    });

    it('is held down without its Secret, and comes up with it', async () => {
      scene.starling.apply(resources());
      // Two sessions of three.
      const status = () => scene.starling.api<{ problems: readonly string[] }>('GET', '/api/v1/status');
      await waitFor(async () => (await status()).problems.join('\n'), {
        what: 'the guard',
        accept: (problems) => problems.includes('held back from being held down'),
      });
      for (const address of BOTH) expect((await scene.show(address)).state).toBe('Established');
      await scene.starling.api('POST', '/api/v1/peers/confirm', {});
      for (const [address, key] of [
        [LINK.peer4, 'v4'],
        [LINK.peer6, 'v6'],
      ]) {
        const { state, lastError } = await scene.peerReport(address, 'the end', (peer) => peer.state !== 'Established');
        expect(state).toBe('Idle');
        expect(lastError?.words).toBe(
          `The session needs a password. There is no Secret "peer" in namespace "kube-system". Create it, with the key "${key}".`,
        );
      }
      await expect(scene.starling.api('POST', `/api/v1/peers/${LINK.peer4}/reset`, { kind: 'hard' })).rejects.toThrow(
        'held down',
      );
      await scene.starling.api('POST', `/api/v1/peers/${LINK.peer4}/enable`, {});
      expect((await scene.show(LINK.peer4)).state).toBe('Idle');
      scene.starling.apply(resources(peerSecret(SECOND)));
      await scene.established(...BOTH);
    });

    it('leaves a peer with another Secret alone all the while', async () => {
      const { state, flaps, since } = await scene.show(OTHER_LINK.peer4);
      expect({ state, flaps, since: since.time }).toEqual({ state: 'Established', flaps: 0, since: before.since.time });
    });

    it('tells no password to anybody', async () => {
      expect(await leaks(scene)).toEqual([]);
    });
  });
});

describe('starling config validate', () => {
  beforeEach((ctx) => ctx.skip(missing !== undefined, missing));

  it.each<[string, string]>([
    ['no base64', stringify(secret('peer', { data: { v4: FIRST.v4 } }))],
    ['a number', stringify(secret('peer', { stringData: { v4: 'x' } })).replace('x', '8472')],
    ['a text for a group', stringify(secret('peer', { stringData: FIRST.v4 }))],
    ['a misspelt field', stringify(secret('peer', { stringdata: FIRST }))],
    ['no YAML', stringify(secret('peer', { stringData: { v4: 'x' } })).replace('x', `*${FIRST.v4}`)],
    ['in the BGPPeer', stringify(bgpPeer('a', LINK.peer4, 1, '', { password: FIRST.v4 }))],
  ])('does not tell a password that is wrong: %s', async (_what, text) => {
    using scratch = createScratch('validate');
    const path = scratch.write('all.yaml', text);
    const process = start([globalThis.process.execPath, 'dist/cli/main.js', 'config', 'validate', path]);
    await process.ended;
    expect(process.output()).toContain(`${path}:`);
    expect(process.output()).not.toMatch(/hunter|8472/);
    expect(holdsPassword(process.output())).toBe(false);
  });
});

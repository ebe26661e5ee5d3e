import { beforeEach, describe, expect, it } from 'vitest';
import type { RawItem } from '../raw-item.ts';
import { ReflectorMachine } from './reflector-machine.ts';
import type { ReflectorEffect, ReflectorInput } from './reflector-machine.ts';

const item = (key: string): RawItem => ({ key, place: `BGPPeer/${key}`, value: key });
const refused = (code: number, more: object = {}): ReflectorInput => ({
  type: 'refused',
  status: { code, reason: '', message: 'why', ...more },
});
const page = (keys: readonly string[], next?: string): ReflectorInput => ({
  type: 'page',
  items: keys.map(item),
  revision: '7',
  ...(next !== undefined && { next }),
});

const FIRST: ReflectorEffect = { type: 'list', from: 'memory', notBefore: '0' };

function machineOf(optional = false): ReflectorMachine {
  return new ReflectorMachine({
    optional,
    firstPause: 100,
    longestPause: 1000,
    missingPause: 5000,
    random: () => 1,
  });
}

let machine: ReflectorMachine;
let now: number;

function after(...inputs: ReflectorInput[]): readonly ReflectorEffect[] {
  return inputs.map((input) => machine.handle(input, now)).at(-1) ?? [];
}

/** What comes of an input, without what is told and how it is. */
function next(...inputs: ReflectorInput[]): ReflectorEffect | undefined {
  return after(...inputs).at(-1);
}

beforeEach(() => {
  machine = machineOf();
  now = 0;
});

describe('a list', () => {
  it('is told when its last page is there, and watched from its revision', () => {
    expect(after({ type: 'start' })).toEqual([FIRST]);
    expect(after(page(['a'], 'more'))).toEqual([{ ...FIRST, next: 'more' }]);
    expect(after(page(['b']))).toEqual([
      { type: 'replace', items: [item('a'), item('b')] },
      { type: 'flush' },
      { type: 'status', state: 'synced' },
      { type: 'watch', revision: '7' },
    ]);
  });

  it('goes on at the page that failed', () => {
    const failed = after({ type: 'start' }, page(['a'], 'more'), { type: 'broken', words: 'cut off' });
    expect(failed).toEqual([
      { type: 'status', state: 'away', words: 'cut off' },
      { type: 'wait', milliseconds: 100 },
    ]);
    expect(next({ type: 'due' })).toEqual({ ...FIRST, next: 'more' });
    expect(after(page(['b']))[0]).toEqual({ type: 'replace', items: [item('a'), item('b')] });
  });

  it('is taken from what the server has in memory, but never to go back in time', () => {
    const bookmark = { type: 'bookmark', revision: '9' } as const;
    after({ type: 'start' }, page(['a']), { type: 'opened' }, { type: 'events', events: [bookmark] });
    expect(next(refused(410))).toEqual({ type: 'list', from: 'memory', notBefore: '9' });
  });

  it.each([400, 410, 504])('is asked for in pages where the server has none to give from memory (%d)', (code) => {
    after({ type: 'start' }, refused(code), { type: 'due' });
    expect(next(page(['a'], 'more'))).toEqual({ type: 'list', from: 'pages', notBefore: '0', next: 'more' });
  });

  it.each([401, 403, 429, 500, 503])('is not asked for in a way that costs the server more for a %d', (code) => {
    after({ type: 'start' }, refused(code));
    expect(next({ type: 'due' })).toEqual(FIRST);
  });

  it('starts over, whole, when a page is refused for good', () => {
    after({ type: 'start' }, refused(504), { type: 'due' }, page(['a'], 'more'), refused(410));
    expect(next({ type: 'due' })).toEqual({ type: 'list', from: 'all', notBefore: '0' });
    expect(after(page(['b', 'c']))[0]).toEqual({ type: 'replace', items: [item('b'), item('c')] });
    // Next time it is as ever.
    after({ type: 'opened' }, { type: 'events', events: [{ type: 'bookmark', revision: '8' }] });
    expect(next(refused(410))).toEqual({ type: 'list', from: 'memory', notBefore: '8' });
  });
});

describe('a watch', () => {
  beforeEach(() => void after({ type: 'start' }, page([]), { type: 'opened' }));

  it('tells what comes, and goes on from the last that it saw', () => {
    const events = after({
      type: 'events',
      events: [
        { type: 'put', item: item('a'), revision: '8' },
        { type: 'delete', key: 'b', revision: '9' },
        { type: 'bookmark', revision: '20' },
      ],
    });
    expect(events).toEqual([{ type: 'put', item: item('a') }, { type: 'delete', key: 'b' }, { type: 'flush' }]);
    now = 60_000;
    expect(after({ type: 'ended' })).toEqual([{ type: 'watch', revision: '20' }]);
  });

  it('is not asked for in a hurry where the server ends it at once', () => {
    expect(after({ type: 'ended' })).toEqual([{ type: 'wait', milliseconds: 100 }]);
    expect(next({ type: 'due' })).toEqual({ type: 'watch', revision: '7' });
  });

  it.each([
    ['in its head', refused(410)],
    [
      'in the stream',
      { type: 'events', events: [{ type: 'error', status: { code: 410, reason: 'Expired', message: '' } }] },
    ] as const,
  ])('of a revision that is gone (%s) is followed by a list, and if that goes on by pauses', (_, gone) => {
    expect(next(gone)).toEqual({ type: 'list', from: 'memory', notBefore: '7' });
    expect(next(page([]), { type: 'opened' }, gone)).toEqual({ type: 'wait', milliseconds: 200 });
    expect(next({ type: 'due' })).toEqual({ type: 'list', from: 'pages', notBefore: '7' });
  });

  it('is tried again ever more seldom, and soon again after it was well', () => {
    const pauses = Array.from({ length: 6 }, () => {
      const wait = next({ type: 'broken', words: 'refused' });
      after({ type: 'due' });
      return wait;
    });
    expect(pauses).toEqual([100, 200, 400, 800, 1000, 1000].map((milliseconds) => ({ type: 'wait', milliseconds })));
    after({ type: 'opened' }, { type: 'events', events: [{ type: 'bookmark', revision: '8' }] });
    expect(next({ type: 'broken', words: 'refused' })).toEqual({ type: 'wait', milliseconds: 100 });
  });
});

describe('a refusal', () => {
  beforeEach(() => void after({ type: 'start' }));

  it('of the credentials has them read again', () => {
    expect(after(refused(401)).map(({ type }) => type)).toEqual(['renew', 'status', 'wait']);
  });

  it('for too many requests is answered with the pause that the server wants', () => {
    expect(next(refused(429, { retryAfter: 0.4 }))).toEqual({ type: 'wait', milliseconds: 500 });
    expect(next({ type: 'due' }, refused(503, { retryAfter: 3600 }))).toEqual({ type: 'wait', milliseconds: 1250 });
  });

  it('of rights keeps the snapshot waiting, but for what is optional', () => {
    expect(after(refused(403)).map(({ type }) => type)).toEqual(['status', 'wait']);
    machine = machineOf(true);
    // A server that has not read its roles yet forbids everything.
    expect(after({ type: 'start' }, refused(403))).toEqual([{ type: 'confirm' }]);
    expect(machine.read).toBe(false);
    expect(after({ type: 'ready' })).toEqual([FIRST]);
    expect(after(refused(403))).toMatchObject([
      { type: 'replace', items: [] },
      { type: 'flush' },
      { type: 'status', state: 'away', words: expect.stringContaining('deploy/rbac.yaml') },
      { type: 'wait' },
    ]);
    expect(after({ type: 'due' }, refused(403)).map(({ type }) => type)).toEqual(['status', 'wait']);
    expect(machine.read).toBe(false);
    after({ type: 'due' }, page([]));
    expect(machine.read).toBe(true);
  });

  it('of rights takes away nothing that was there', () => {
    machine = machineOf(true);
    after({ type: 'start' }, page(['a']), { type: 'opened' });
    expect(after(refused(403)).map(({ type }) => type)).toEqual(['status', 'wait']);
  });
});

describe('what is not served', () => {
  beforeEach(() => void after({ type: 'start' }));

  it('is believed of a server that is ready, and looked for now and then', () => {
    expect(after(refused(404))).toEqual([{ type: 'confirm' }]);
    expect(after({ type: 'ready' })).toEqual([FIRST]);
    expect(after(refused(404))).toEqual([
      { type: 'replace', items: [] },
      { type: 'flush' },
      { type: 'status', state: 'synced' },
      { type: 'wait', milliseconds: 6250 },
    ]);
    expect(next({ type: 'due' })).toEqual(FIRST);
    expect(after(refused(404)).map(({ type }) => type)).toEqual(['status', 'wait']);
    expect(after({ type: 'due' }, page(['a']))[0]).toEqual({ type: 'replace', items: [item('a')] });
  });

  it('takes nothing away as long as the server is not ready', () => {
    after(page(['a']), { type: 'opened' });
    expect(after(refused(404))).toEqual([{ type: 'confirm' }]);
    expect(after(refused(500)).map(({ type }) => type)).toEqual(['status', 'wait']);
    expect(after({ type: 'due' }, refused(404))).toEqual([{ type: 'confirm' }]);
    expect(after({ type: 'ready' }, refused(404))[0]).toMatchObject({ type: 'status', state: 'away' });
  });

  it('but was, is believed only when it is still so after a while', () => {
    after(page(['a']), { type: 'opened' });
    const away = { type: 'status', state: 'away', words: 'the API server does not serve it any more (404)' };
    expect(after(refused(404), { type: 'ready' }, refused(404))).toEqual([away, { type: 'wait', milliseconds: 1250 }]);
    expect(after({ type: 'due' }, refused(404))).toEqual([{ type: 'confirm' }]);
    expect(after({ type: 'ready' }, refused(404))[0]).toEqual({ type: 'replace', items: [] });
    expect(after({ type: 'due' }, page(['a']), refused(404), { type: 'ready' }, refused(404))[0]).toEqual(away);
  });

  it('where it was, but elsewhere, is listed there', () => {
    after(page(['a']), { type: 'opened' }, refused(404));
    expect(after({ type: 'moved' })).toEqual([{ type: 'list', from: 'memory', notBefore: '7' }]);
    expect(after(page(['b']))[0]).toEqual({ type: 'replace', items: [item('b')] });
  });
});

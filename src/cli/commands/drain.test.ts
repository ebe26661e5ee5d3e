import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliWorld } from '../../../test/support/cli-world.ts';
import { FakeDaemonView } from '../../../test/support/fake-daemon-view.ts';
import { HEALTHY } from '../../../test/support/fake-status.ts';
import type { DrainReport, StatusReport } from '../../api/types.ts';

let world: CliWorld;
let daemon: ScriptedDaemon;

beforeEach(async () => {
  daemon = new ScriptedDaemon();
  world = await CliWorld.start(daemon);
});

afterEach(() => world[Symbol.asyncDispose]());

/** Answers each question for its status with the next of its drains; with the last one from then on. */
class ScriptedDaemon extends FakeDaemonView {
  drains: Partial<DrainReport>[] = [{}];
  /** Called when only the last one is left. */
  atEnd = (): void => {};

  override status(): StatusReport {
    const [next] = this.drains.length > 1 ? this.drains.splice(0, 1) : this.drains;
    if (this.drains.length === 1) this.atEnd();
    return { ...HEALTHY, drain: { ...HEALTHY.drain, ...next } };
  }
}

const starling = (...argv: readonly string[]) => world.starling(...argv);

const AT = { time: '2026-01-02T03:04:15.000Z', epochSeconds: 1_767_323_055 };
const DRAINING: readonly Partial<DrainReport>[] = [
  { stage: 'graceful-shutdown', target: 'withdrawn', nextStageAt: null, words: 'being told' },
  { stage: 'graceful-shutdown', target: 'withdrawn', nextStageAt: AT, words: 'in 10 s' },
  { stage: 'graceful-shutdown', target: 'withdrawn', nextStageAt: AT, words: 'in 9 s' },
  { stage: 'withdrawn', target: 'withdrawn', nextStageAt: null, words: 'drained' },
];

describe('starling drain', () => {
  it.each<[string[], unknown[]]>([
    [['drain'], ['drain', { forGood: false }]],
    [
      ['drain', '--for-good'],
      ['drain', { forGood: true }],
    ],
    [
      ['drain', '--wait', '1m30s', '--message', 'new kernel'],
      ['drain', { forGood: false, waitSeconds: 90, message: 'new kernel' }],
    ],
    [['undrain'], ['undrain']],
  ])('%j', async (argv, action) => {
    expect(await starling(...argv)).toMatchObject({ code: 0, out: expect.stringMatching(/^done: /), err: '' });
    expect(daemon.actions).toEqual([action]);
  });

  it('shows each stage once until it is done, where that is wanted', async () => {
    daemon.drains = [...DRAINING];
    const { code, out } = await starling('drain', '--follow');
    expect({ code, lines: out.split('\n').slice(1) }).toEqual({ code: 0, lines: ['in 10 s', 'drained', ''] });
  });

  it('follows until the daemon is gone where it is to stop for good', async () => {
    daemon.drains = [...DRAINING];
    daemon.atEnd = () => void world.server.close();
    const { code, out } = await starling('drain', '--for-good', '-f');
    expect({ code, last: out.trimEnd().split('\n').at(-1) }).toEqual({ code: 0, last: 'The daemon has stopped.' });
  });

  it('says so where the daemon goes away in the middle', async () => {
    daemon.drains = DRAINING.slice(0, 2);
    daemon.atEnd = () => void world.server.close();
    expect(await starling('drain', '--follow')).toMatchObject({
      code: 1,
      err: expect.stringContaining(world.scratch.path),
    });
  });

  it.each(['soon', '-1s', '25h'])('does not wait for "%s"', async (wait) => {
    expect(await starling('drain', `--wait=${wait}`)).toEqual({
      code: 2,
      out: '',
      err: expect.stringContaining(`--wait takes a duration up to 24h, such as 90s or 2m, not "${wait}"`),
    });
    expect(daemon.actions).toEqual([]);
  });

  it('is seen in the status as long as there is one', async () => {
    expect((await starling('status')).out).not.toContain('Drain');
    const words = 'Drained because the node is cordoned: services are withdrawn.';
    daemon.drains = [{ stage: 'services-withdrawn', target: 'services-withdrawn', words }];
    const { out } = await starling('status');
    expect(out).toContain(`Drain      ${words}\n           in this stage for 1h00m\n`);
  });
});

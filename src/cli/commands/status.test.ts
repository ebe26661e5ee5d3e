import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { CliWorld } from '../../../test/support/cli-world.ts';
import { FakeDaemonView } from '../../../test/support/fake-daemon-view.ts';
import { HEALTHY } from '../../../test/support/fake-status.ts';

let world: CliWorld;

beforeEach(async () => {
  world = await CliWorld.start(new FakeDaemonView());
});

afterEach(() => world[Symbol.asyncDispose]());

describe('starling status', () => {
  it('is one screen', async () => {
    const out = await world.output('status');
    expect(out).toContain('node-1  AS 64512, router id 10.0.0.1\n');
    expect(out).toContain('Peers      2 of 2 established\n');
    expect(out).toContain('Nothing is wrong.\n');
    expect(out.split('\n').length).toBeLessThan(24);
  });

  it('gives in JSON and YAML what the daemon said', async () => {
    expect(JSON.parse(await world.output('status', '-o', 'json'))).toEqual(HEALTHY);
    expect(parseYaml(await world.output('status', '--output=yaml'))).toEqual(HEALTHY);
  });

  it('says that the daemon does not run, where, and what to do', async () => {
    const { code, err } = await world.starling('--socket', '/nowhere/s', 'status');
    expect(code).toBe(1);
    expect(err).toMatch(
      /^starling: starlingd does not run, or not with the socket \/nowhere\/s: there is no such socket\n/,
    );
    expect(err).toMatch(/start it with "systemctl start starlingd".*--socket PATH/);
  });

  it('works over TCP', async () => {
    expect(await world.output('--host', `http://127.0.0.1:${world.server.port}`, 'status')).toContain('node-1');
    expect(await world.output('status', '--host', `127.0.0.1:${world.server.port}`)).toContain('node-1');
    const { code, err } = await world.starling('--host', 'http://127.0.0.1:1', 'status');
    expect([code, err]).toEqual([
      1,
      expect.stringContaining("can't reach starlingd on http://127.0.0.1:1: connection refused"),
    ]);
  });

  it('colours a terminal, but not against NO_COLOR', async () => {
    const green = '\u001B[32mNothing is wrong.';
    expect((await world.run(['status'], { isTerminal: true })).out).toContain(green);
    expect((await world.run(['status'], { isTerminal: true, environment: { NO_COLOR: '1' } })).out).not.toContain(
      '\u001B',
    );
    expect(await world.output('status')).not.toContain('\u001B');
  });

  it('goes on with --watch, even while the daemon is away, until Ctrl-C', async () => {
    const abort = new AbortController();
    const onWrite = (out: string): void => {
      if (out.includes('starlingd does not run')) abort.abort();
      else if (out.includes('Nothing is wrong')) void world.server.close();
    };
    const { code, out } = await world.run(['status', '--watch', '--interval', '0.01'], {
      onWrite,
      signal: abort.signal,
    });
    expect([code, out]).toEqual([0, expect.stringMatching(/Nothing is wrong.*starlingd does not run/s)]);
  });
});

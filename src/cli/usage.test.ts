/** What the command line does where it talks to no daemon. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../test/support/cli-world.ts';
import { COMMANDS } from './command-table.ts';

const starling = (...argv: readonly string[]) => runCli(argv);

describe('wrong usage', () => {
  const wrong: [argv: string[], words: RegExp][] = [
    [[], /^Usage: starling/],
    [['peer'], /^Usage: starling peer/],
    [['per'], /^starling: unknown command 'per'\n\(Did you mean peer\?\)/],
    [['peer', 'lst'], /unknown command 'lst'\n\(Did you mean list\?\)/],
    [['peer', 'list', '--colour'], /unknown option '--colour'/],
    [['peer', 'list', '-o', 'xml'], /argument 'xml' is invalid. Allowed choices are table, wide, json, yaml/],
    [['peer', 'show'], /missing required argument 'ADDRESS'/],
    [['peer', 'show', 'tor-a'], /ADDRESS takes an IP address, not "tor-a"/],
    [['route', 'list', '--received', '--rejected'], /cannot be used with/],
    [['route', 'list', '--advertised'], /--advertised needs --peer/],
    [['route', 'list', '--longer'], /--longer needs a PREFIX/],
    [['route', 'list', '--peer', 'x'], /--peer takes an IP address/],
    [['route', 'explain', '10.0.0.0/33'], /PREFIX takes an IP prefix or address, not "10.0.0.0\/33"/],
    [['route', 'add', '10.0.0.0/8', '--med', '-1'], /--med takes a number from 0 to 4294967295/],
    [['--host', 'ftp://x', 'status'], /--host takes a URL/],
    [['--host', 'x', '--socket', 'y', 'status'], /cannot be used with/],
    [['--host', 'x', 'policy', 'status', '--policy-socket', 'y'], /cannot be used with/],
    [['policy', 'explain', 'a', 'b'], /missing required argument 'PROTOCOL'/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
  ];

  it.each(wrong)('%j', async (argv, words) => {
    const { code, out, err } = await starling(...argv);
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(words)]);
  });
});

describe('something else that answers', () => {
  it('is not taken for a daemon', async () => {
    const other = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { code, err } = await starling('--host', `127.0.0.1:${port}`, 'status');
    other.close();
    expect([code, err]).toEqual([1, expect.stringContaining('is not starlingd: its answer is not JSON')]);
  });

  it('that hangs up is an error, not a defect', async () => {
    const other = createTcpServer((connection) => connection.destroy());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { code, err } = await starling('--host', `127.0.0.1:${port}`, 'status');
    other.close();
    expect([code, err]).toEqual([1, expect.stringContaining('the connection was closed')]);
  });
});

describe('help', () => {
  it('lists every command, and is no error', async () => {
    const { code, out } = await starling('--help');
    expect(code).toBe(0);
    for (const { name } of COMMANDS) expect(out).toMatch(new RegExp(`^ {2}${name.split(' ')[0]}\\b`, 'm'));
    expect((await starling('route', 'list', '--help')).out).toMatch(/--longer .*--socket/s);
    expect((await starling('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('offers no socket that a command refuses', async () => {
    for (const argv of [['policy'], ['policy', 'status'], ['policy', 'explain']]) {
      const { out } = await starling(...argv, '--help');
      expect(out).toMatch(/--host <URL>/);
      expect(out).not.toMatch(/ --socket/);
    }
    expect((await starling('--help')).out).toMatch(/ --socket <PATH> /);
    expect((await starling('policy', 'status', '--socket', '/s')).err).toMatch(/that of the policy agent is --policy-/);
  });

  it('agrees with docs/commands.md', () => {
    const docs = readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8');
    for (const { name, options = [] } of COMMANDS) {
      expect(docs).toContain(`\`starling ${name}`);
      for (const option of options) expect(docs).toContain(`--${option.name}`);
    }
  });
});

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../command-table.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { zshScript } from './zsh.ts';

// Whatever the locale of who runs the tests: bash says so where the machine does not have it.
const ENVIRONMENT = { ...process.env, LC_ALL: 'C' };

/** What bash offers for the last of these words. */
function completions(...words: readonly string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const script = `${bashScript()}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _starling; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script], {
    env: ENVIRONMENT,
    encoding: 'utf8',
  });
  expect([stderr, status]).toEqual(['', 0]);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('completion for bash', () => {
  it('is a script that bash can read', () => {
    expect(spawnSync('bash', ['-n'], { env: ENVIRONMENT, input: bashScript(), encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it.each<[words: string[], offered: string[]]>([
    [
      ['starling', 'p'],
      ['peer', 'policy'],
    ],
    [
      ['starling', 'policy', 'e'],
      ['explain', 'endpoints', 'events'],
    ],
    [
      ['starling', 'policy', 'explain', '--expect', ''],
      ['allow', 'deny'],
    ],
    [['starling', 'policy', 'status', '--policy-s'], ['--policy-socket']],
    [['starling', 'policy', 'status', '--s'], []],
    [['starling', 'peer', '--s'], ['--socket']],
    [['starling', 'peer', 's'], ['show']],
    [['starling', '--socket', '/s', 'peer', 'list', '--exp'], ['--expect']],
    [['starling', 'peer', 'list', '--expect', ''], ['established']],
    [['starling', 'service', 'explain', '--expect', ''], ['advertised']],
    [
      ['starling', 'service', 'list', '--n'],
      ['--namespace', '--not-advertised', '--no-headers'],
    ],
    [
      ['starling', 'peer', 'list', '-o', ''],
      ['table', 'wide', 'json', 'yaml'],
    ],
    [['starling', 'route', 'list', '--family', 'ipv6', '--l'], ['--longer']],
    [['starling', 'completion', 'b'], ['bash']],
    [
      ['starling', 'peer', 'reset', '10.0.0.1', '--soft', ''],
      ['in', 'out'],
    ],
    [['starling', 'config', 'validate', `${import.meta.dirname}/fis`], [`${import.meta.dirname}/fish.ts`]],
    [['starling', 'config', 'validate', '--conf'], ['--config']],
    [['starling', 'peer', 'disable', '--message', ''], []],
  ])('%j', (words, offered) => {
    expect(completions(...words)).toEqual(offered);
  });
});

const SHELLS: [shell: string, script: string][] = [
  ['bash', bashScript()],
  ['zsh', zshScript()],
  ['fish', fishScript()],
];

describe.each(SHELLS)('completion for %s', (_shell, script) => {
  it('knows every command and its options', () => {
    for (const { name, options = [] } of COMMANDS) {
      for (const word of [...name.split(' '), ...options.map((option) => option.name)]) expect(script).toContain(word);
    }
  });
});

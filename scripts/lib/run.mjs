/** Child processes for the scripts: start one, wait for it, and take all of them along when the script is told to stop. */
import { spawn } from 'node:child_process';

const running = new Set();
let stopped = false;

/**
 * Runs a program to its end.
 * @param {string} program name on PATH, or a path
 * @param {readonly string[]} args
 * @param {{ capture?: boolean, env?: Record<string, string>, cwd?: string }} [options] `capture`: keep the output and print
 *   nothing; `env`: set on top of this process's environment; `cwd`: the folder to run in
 * @returns {Promise<{ code: number, output: string }>} code 127 where the program could not be started;
 *   128 where it was ended by a signal, or not started after {@link stopChildren}
 */
export function run(program, args, { capture = false, env = {}, cwd } = {}) {
  return new Promise((resolve) => {
    if (stopped) {
      resolve({ code: 128, output: '' });
      return;
    }
    const child = spawn(program, args, {
      stdio: ['ignore', capture ? 'pipe' : 'inherit', capture ? 'pipe' : 'inherit'],
      env: { ...process.env, ...env },
      ...(cwd !== undefined && { cwd }),
    });
    running.add(child);
    let output = '';
    const keep = (chunk) => (output += chunk);
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    child.on('error', (error) => {
      running.delete(child);
      resolve({ code: 127, output: `${program}: ${error.message}\n` });
    });
    child.on('close', (code) => {
      running.delete(child);
      resolve({ code: code ?? 128, output });
    });
  });
}

/** Passes a signal on to every child that still runs, and starts no more. */
export function stopChildren(signal) {
  stopped = true;
  for (const child of running) child.kill(signal);
}

/**
 * `npm run test:compose`: builds the images of docker-compose.yml, starts it, looks whether all is as docs/compose.md says, and
 * removes everything again.
 *
 *   --docker-host URL   use this Docker daemon (DOCKER_HOST does the same); without it one of its own is started beside any other
 *
 * Where the base images can't be pulled they are made of Debian's packages. The last line is `N passed, N failed, N skipped`;
 * a machine that can't run it skips. Exit codes: 0 nothing failed, 1 something failed, 2 bad usage.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { checks, containersOf, logs } from './lib/compose-checks.mjs';
import { CannotRun, atOnce, dockerClient, ensureDocker, OwnDocker, succeed } from './lib/docker.mjs';
import { Results } from './lib/results.mjs';
import { run, stopChildren } from './lib/run.mjs';
import { ROOT } from './lib/setup.mjs';

const PROJECT = `starling-test-${process.pid}`;
const IMAGES = {
  starling: 'starling',
  gobgpd: 'starling-gobgpd',
  etcd: 'starling-etcd',
  prometheus: 'starling-prometheus',
};
/** How long each check may take to come true, in milliseconds. */
const PATIENCE = 60_000;

const results = new Results();
const started = Date.now();
let stopped = false;

function say(words) {
  process.stdout.write(`${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s  ${words}\n`);
}

/** Runs a step as a test of that name, and throws on what it threw. */
async function step(name, action) {
  try {
    const value = await action();
    results.add({ name, state: 'passed' });
    say(name);
    return value;
  } catch (error) {
    if (!(error instanceof CannotRun)) {
      results.add({ name, state: 'failed', reason: error.message });
      error.isCounted = true;
    }
    throw error;
  }
}

/** The words that Docker Compose is called with: the plugin of the client, or the program of its own. */
async function composeWords(env) {
  const [plugin, program] = [[dockerClient(), 'compose'], ['docker-compose']];
  for (const words of [plugin, program]) {
    const { code } = await run(words[0], [...words.slice(1), 'version'], { env, capture: true });
    if (code === 0)
      return [...words, '--project-name', PROJECT, '--project-directory', ROOT, '--file', `${ROOT}/docker-compose.yml`];
  }
  throw new CannotRun('Docker Compose is not installed');
}

/** Waits until nothing is missing. */
async function untilNothing(missing) {
  for (const end = Date.now() + PATIENCE; ; await sleep(500)) {
    const words = await missing().catch((error) => [error.message]);
    if (words.length === 0) return;
    if (stopped || Date.now() > end) throw Object.assign(new Error(words[0]), { output: `${words.join('\n')}\n` });
  }
}

/** Starts all services, checks them, and removes them. The images are there. */
async function fabric(env) {
  const [program, ...words] = await composeWords(env);
  try {
    await step('docker compose up', () => succeed(program, [...words, 'up', '--detach', '--no-build'], { env }));
    const containers = await containersOf(PROJECT, env);
    for (const [name, missing] of Object.entries(checks(containers, env))) {
      await step(name, () => untilNothing(missing)).catch(async (error) => {
        error.output = `${await logs(containers, env)}\n${error.output ?? ''}`;
        throw error;
      });
    }
  } finally {
    await step('docker compose down', () => atOnce(program, [...words, 'down', '--volumes', '--timeout', '10'], env));
  }
}

/** With a daemon that is there already. */
async function onDocker(host) {
  const env = { DOCKER_HOST: host, DOCKER_BUILDKIT: '1', COMPOSE_DOCKER_CLI_BUILD: '1' };
  const [program, ...words] = await composeWords(env);
  await step('docker compose build', () => succeed(program, [...words, 'build'], { env }));
  await fabric(env);
}

async function onOwnDocker() {
  await ensureDocker(say);
  const docker = new OwnDocker();
  const { env } = docker;
  try {
    await docker.start('host');
    await step('the base images', () => docker.ensureBaseImages(say));
    const build = ([target, tag]) =>
      succeed(dockerClient(), ['build', '--network=host', '--target', target, '--tag', tag, ROOT], { env });
    await step('docker build', () => Promise.all(Object.entries(IMAGES).map(build)));
    await docker.stop();
    await docker.start('own');
    await fabric(env);
  } finally {
    await step('nothing is left', () => docker.remove());
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stopped = true;
    results.add({ name: 'the whole run', state: 'failed', reason: `stopped by ${signal}` });
    stopChildren(signal);
  });
}

function options() {
  try {
    return parseArgs({ options: { 'docker-host': { type: 'string', default: process.env.DOCKER_HOST ?? '' } } }).values;
  } catch (error) {
    process.stderr.write(`${error.message}\nusage: npm run test:compose -- [--docker-host URL]\n`);
    return process.exit(2);
  }
}

const { 'docker-host': host } = options();
try {
  await (host === '' ? onOwnDocker() : onDocker(host));
} catch (error) {
  process.stdout.write(`${error.output ?? ''}${error.message}\n`);
  const state = error instanceof CannotRun ? 'skipped' : 'failed';
  if (!error.isCounted) results.add({ name: 'test:compose', state, reason: error.message });
}
process.stdout.write(`\n${results.summary()}\n`, () => process.exit(results.failed > 0 ? 1 : 0));

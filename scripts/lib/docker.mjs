/**
 * A Docker daemon of our own for a test, beside whatever else is on the machine: its network, processes and mounts are in
 * namespaces that go with it, its files in one folder.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { freemem, homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureDebianPackages } from './debian-packages.mjs';
import { run } from './run.mjs';

/** The base images of the Dockerfile. */
const DEBIAN = 'debian:bookworm-slim';
const NODE = 'node:20-bookworm-slim';
/** How long the daemon has to start, in milliseconds. */
const START_TIME = 20_000;
/** What the images and all that they are made of take, in bytes, with room to spare: a machine with this much keeps it in memory. */
const MUCH_MEMORY = 8 * 2 ** 30;
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** The checks can't be made on this machine; the message says why. */
export class CannotRun extends Error {}

/** Runs a program to its end and gives its output; throws, with all of it, where it fails. */
export async function succeed(program, args, options = {}) {
  const { code, output } = await run(program, args, { ...options, capture: true });
  if (code === 0) return output;
  throw Object.assign(new Error(`${[program, ...args].join(' ')}: exit code ${code}`), { output });
}

/** As {@link succeed}, for what has to be done at once, and also after the script was told to stop. */
export function atOnce(program, args, env = {}) {
  const options = { encoding: 'utf8', env: { ...process.env, ...env } };
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (status === 0) return;
  const message = error?.message ?? `${[program, ...args].join(' ')}: exit code ${status}`;
  throw Object.assign(new Error(message), { output: `${stdout}${stderr}` });
}

/** Makes an own daemon possible, or throws {@link CannotRun}. */
export async function ensureDocker(say) {
  if (process.getuid?.() !== 0) throw new CannotRun('a Docker daemon of its own needs root');
  await ensureDebianPackages(['docker.io', 'docker-compose', 'mmdebstrap'], say);
  for (const program of ['dockerd', 'docker', 'mmdebstrap', 'unshare']) {
    const { code } = await run('which', [program], { capture: true });
    if (code !== 0) throw new CannotRun(`${program} is not installed`);
  }
}

/** The client that came with the daemon: others on PATH may lack BuildKit. */
export function dockerClient() {
  return existsSync('/usr/bin/docker') ? '/usr/bin/docker' : 'docker';
}

/** A Docker daemon with its files. */
export class OwnDocker {
  #folder = mkdtempSync(join(tmpdir(), 'starling-docker-'));
  #cgroup = `starling-docker-${process.pid}`;
  #daemon;
  #inMemory = false;

  constructor() {
    // Writing so many files to a disk, and removing them, takes as long as everything else together.
    if (freemem() < MUCH_MEMORY) return;
    const { status } = spawnSync('mount', ['-t', 'tmpfs', 'starling-docker', this.#folder]);
    this.#inMemory = status === 0;
  }

  get host() {
    return `unix://${this.#folder}/docker.sock`;
  }

  get env() {
    return { DOCKER_HOST: this.host, DOCKER_BUILDKIT: '1' };
  }

  /**
   * Starts it, after {@link stop} with all that it had. `network`: `host` for builds, which load packages; `own` for
   * containers, whose bridges then are nowhere else. Throws {@link CannotRun} where it does not start.
   */
  async start(network) {
    const flags = [
      `--data-root=${this.#folder}/data`,
      `--exec-root=${this.#folder}/exec`,
      `--host=${this.host}`,
      `--pidfile=${this.#folder}/pid`,
      `--cgroup-parent=/${this.#cgroup}`,
      '--iptables=false',
      '--ip6tables=false',
      '--ip-forward=false',
      '--ip-masq=false',
      '--bridge=none',
    ];
    // An earlier one left the ids of its processes there, which mean others now.
    for (const name of ['pid', 'exec']) rmSync(join(this.#folder, name), { recursive: true, force: true });
    const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const script = 'ip link set lo up; dockerd "$@" & wait';
    const args = [...namespaces, ...(network === 'own' ? ['--net'] : []), 'sh', '-c', script, 'sh', ...flags];
    const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    this.#daemon = { child, ended: new Promise((resolve) => child.once('close', resolve)) };
    process.once('exit', this.#kill);
    for (const end = Date.now() + START_TIME; ; await sleep(100)) {
      const { code } = await run(dockerClient(), ['info'], { capture: true, env: this.env });
      if (code === 0) return;
      if (child.exitCode === null && Date.now() < end) continue;
      throw Object.assign(new CannotRun('dockerd does not start here'), { output });
    }
  }

  /** Ends it and every container with it. */
  async stop() {
    if (this.#daemon === undefined) return;
    this.#kill();
    await this.#daemon.ended;
    process.off('exit', this.#kill);
    this.#daemon = undefined;
  }

  /** As {@link stop}, and removes its files and control groups. */
  async remove() {
    await this.stop();
    if (this.#inMemory) atOnce('umount', [this.#folder]);
    atOnce('rm', ['-rf', this.#folder]);
    for (const hierarchy of ['', ...readdirSync('/sys/fs/cgroup')]) {
      removeControlGroup(join('/sys/fs/cgroup', hierarchy, this.#cgroup));
    }
  }

  /** Gets the base images, or makes them of Debian's packages and of the Node that runs here where there is no registry. */
  async ensureBaseImages(say) {
    const pulls = [DEBIAN, NODE].map((image) => run(dockerClient(), ['pull', '--quiet', image], this.#capture));
    if ((await Promise.all(pulls)).every(({ code }) => code === 0)) return;
    say('no registry of images here: making the base images of packages');
    const tarball = join(this.#folder, 'debian.tar');
    const noLists = '--customize-hook=rm -rf "$1"/var/lib/apt/lists/*';
    const bootstrap = ['--variant=minbase', '--include=ca-certificates', noLists, 'bookworm', tarball];
    await succeed('mmdebstrap', bootstrap, { env: { TMPDIR: this.#folder } });
    await succeed(dockerClient(), ['import', tarball, DEBIAN], { env: this.env });
    await this.#build(DEBIAN, await this.#hostSettings());
    await this.#build(NODE, nodeFiles());
    rmSync(tarball);
  }

  #kill = () => void this.#daemon?.child.kill('SIGKILL');

  get #capture() {
    return { capture: true, env: this.env };
  }

  /** Puts files of this machine, by the path that they have there, into an image of Debian. */
  async #build(image, files) {
    const context = join(this.#folder, 'context');
    for (const [path, source] of files) {
      const target = join(context, 'files', path);
      mkdirSync(dirname(target), { recursive: true });
      if (typeof source === 'string') cpSync(realpathSync(source), target, { recursive: true });
      else writeFileSync(target, source.content, { mode: source.mode ?? 0o644 });
    }
    mkdirSync(join(context, 'files'), { recursive: true });
    const environment = existsSync(CERTIFICATES) ? `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}\n` : '';
    writeFileSync(join(context, 'Dockerfile'), `FROM ${DEBIAN}\nCOPY files /\n${environment}`);
    await succeed(dockerClient(), ['build', '--quiet', '--tag', image, context], { env: this.env });
    rmSync(context, { recursive: true });
  }

  /** How this machine reaches the registries of npm and Debian. */
  async #hostSettings() {
    const { output } = await run('apt-config', ['dump', '--no-empty', 'Acquire'], { capture: true });
    const proxies = output.split('\n').filter((line) => /^Acquire::https?::/.test(line));
    const files = [['/etc/apt/apt.conf.d/99host', { content: `${proxies.join('\n')}\n` }]];
    if (existsSync(CERTIFICATES)) files.push([CERTIFICATES, CERTIFICATES]);
    const npmrc = join(homedir(), '.npmrc');
    if (existsSync(npmrc)) files.push(['/root/.npmrc', npmrc]);
    return files;
  }
}

/** Node and npm, which are where the official image has them. */
function nodeFiles() {
  const npm = ['../lib', 'lib'].map((folder) => join(dirname(process.execPath), folder, 'node_modules/npm'));
  const found = npm.find((path) => existsSync(path));
  if (found === undefined) throw new CannotRun(`no npm beside ${process.execPath}`);
  return [
    ['/usr/local/bin/node', process.execPath],
    ['/usr/local/lib/node_modules/npm', found],
    [
      '/usr/local/bin/npm',
      { content: '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n', mode: 0o755 },
    ],
  ];
}

/** Removes a control group with those below it, which no process is in any more. */
function removeControlGroup(path) {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeControlGroup(join(path, entry.name));
  }
  rmdirSync(path);
}

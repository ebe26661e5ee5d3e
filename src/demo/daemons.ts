/**
 * The demo's starlingd processes, one in each router's namespace.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DemoError } from './demo-error.ts';
import type { Fabric } from './fabric.ts';
import { clusterManifests, daemonConfig } from './manifests.ts';
import { routersOf } from './topology.ts';
import type { DemoRouter, Topology } from './topology.ts';

/** How long a daemon has to stop before it is killed, in milliseconds. */
const GRACE_TIME = 5000;

/** Where the built programs are, seen from the built demo. */
const STARLINGD = fileURLToPath(new URL('../daemon/main.js', import.meta.url));
const DIE_WITH_PARENT = new URL('./die-with-parent.js', import.meta.url).href;

/** A daemon that runs. */
export interface RunningDaemon {
  readonly router: DemoRouter;
  readonly pid: number;
  /** Its API. */
  readonly socket: string;
}

/** All daemons with their files, which are in a directory of their own. */
export class Daemons {
  readonly directory: string;
  readonly running: RunningDaemon[] = [];
  private readonly children = new Set<ChildProcess>();
  /** Why the first daemon ended that should not have, with the end of its log. */
  private failure: string | undefined;
  private stopping = false;

  /** Writes the files, for a fabric of this topology. */
  constructor(topology: Topology) {
    this.directory = mkdtempSync(join(tmpdir(), 'starling-demo-'));
    const resources = join(this.directory, 'resources');
    mkdirSync(resources);
    for (const [name, text] of clusterManifests(topology)) writeFileSync(join(resources, name), text);
  }

  /** Starts a daemon for every router of the topology. */
  start(topology: Topology, fabric: Fabric): void {
    for (const router of routersOf(topology)) this.startOne(router, fabric);
  }

  /** Throws {@link DemoError} if a daemon has ended by itself. */
  check(): void {
    if (this.failure !== undefined) throw new DemoError(this.failure);
  }

  /** Ends all daemons and removes the files. */
  async stop(): Promise<void> {
    this.stopping = true;
    const ended = [...this.children].map((child) => new Promise((resolve) => child.once('close', resolve)));
    for (const child of this.children) child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), GRACE_TIME);
    await Promise.all(ended);
    clearTimeout(timer);
    this.kill();
  }

  /** As {@link stop}, at once. */
  kill(): void {
    this.stopping = true;
    for (const child of this.children) child.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }

  private startOne(router: DemoRouter, fabric: Fabric): void {
    const file = (name: string) => join(this.directory, `${router.name}${name}`);
    const socket = file('.sock');
    const config = file('.yaml');
    const log = file('.log');
    writeFileSync(
      config,
      daemonConfig(router, { resources: join(this.directory, 'resources'), cache: file('.cache'), socket }),
    );
    const output = openSync(log, 'w');
    const child = fabric.at(router.name).run(() =>
      spawn(process.execPath, ['--import', DIE_WITH_PARENT, STARLINGD, '--config', config], {
        stdio: ['ignore', output, output],
        // A group of its own: Ctrl-C is for the demo, which then ends the daemons in order.
        detached: true,
      }),
    );
    closeSync(output);
    this.children.add(child);
    child.on('error', (error) => this.fail(`starlingd on ${router.name} can't be started: ${error.message}`));
    child.on('close', (code, signal) => {
      this.children.delete(child);
      if (!this.stopping)
        this.fail(`starlingd on ${router.name} ended (${signal ?? `exit code ${code}`}):\n${tail(log)}`);
    });
    if (child.pid !== undefined) this.running.push({ router, pid: child.pid, socket });
  }

  private fail(why: string): void {
    this.failure ??= why;
  }
}

/** The last lines of a file. */
function tail(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-20).join('\n');
}

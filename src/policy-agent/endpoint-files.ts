/**
 * A file for each pod of this node whose rules are in the kernel. Calico's network plug-in waits for it where it is told to
 * (`policy_setup_timeout`), so that no process of a pod runs before its policies. Names and place are Felix'
 * (FelixConfiguration `endpointStatusPathPrefix`).
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoint } from '../policy/endpoint.ts';
import type { ModelChanges } from '../policy/model.ts';

/** How soon it is tried again, in milliseconds, where something could not be written: pods wait for their file. */
const RETRY_TIME = 1000;

export interface EndpointFilesOptions {
  /** Where `endpoint-status` is made; empty: no files. */
  readonly prefix: string;
  /** As the index has it now. */
  readonly endpoint: (key: string) => Endpoint | undefined;
  /** Called with what can't be written, in words, unless that was said last. */
  readonly troubled: (words: string) => void;
}

export class EndpointFiles {
  private readonly options: EndpointFilesOptions;
  private readonly directory: string;
  /** Names of files by interface. */
  private readonly names = new Map<string, string>();
  private wanted = new Map<string, string>();
  private written: Map<string, string> | undefined;
  private busy: Promise<void> | undefined;
  private trouble = '';
  /** Set while something could not be written. */
  private timer: NodeJS.Timeout | undefined;

  constructor(options: EndpointFilesOptions) {
    this.options = options;
    this.directory = join(options.prefix, 'endpoint-status');
  }

  /** The kernel has these changes. */
  inForce({ workloads }: ModelChanges): void {
    if (this.options.prefix === '') return;
    // All of these first: a pod may have another interface now.
    for (const interfaceName of workloads.keys()) {
      const before = this.names.get(interfaceName);
      if (before !== undefined) this.wanted.delete(before);
    }
    for (const [interfaceName, local] of workloads) {
      const endpoint = local && this.options.endpoint(local.endpoint);
      const name = endpoint && fileName(endpoint);
      if (endpoint === undefined || name === undefined) this.names.delete(interfaceName);
      else {
        this.names.set(interfaceName, name);
        this.wanted.set(name, contents(interfaceName, endpoint));
      }
    }
    this.begin();
  }

  /** Resolves when nothing is being written; the files stay. */
  async stop(): Promise<void> {
    await this.busy;
    clearTimeout(this.timer);
  }

  private begin(): void {
    clearTimeout(this.timer);
    this.busy ??= this.work();
  }

  /** What changes meanwhile is done as well. */
  private async work(): Promise<void> {
    let done: Map<string, string> | undefined;
    while (done === undefined || !isSame(done, this.wanted)) {
      done = new Map(this.wanted);
      try {
        await this.write(done);
        this.trouble = '';
      } catch (error) {
        // Perhaps the directory is gone, and all that was in it.
        this.written = undefined;
        this.timer = setTimeout(() => this.begin(), RETRY_TIME).unref();
        this.tell(error instanceof Error ? error.message : String(error));
        break;
      }
    }
    // At once: what is wanted from now on is not looked at here any more.
    this.busy = undefined;
  }

  private async write(wanted: ReadonlyMap<string, string>): Promise<void> {
    this.written ??= await this.earlier();
    for (const name of this.written.keys()) {
      if (wanted.has(name)) continue;
      await rm(join(this.directory, name), { force: true });
      this.written.delete(name);
    }
    for (const [name, text] of wanted) {
      if (this.written.get(name) === text) continue;
      await writeFile(join(this.directory, name), text);
      this.written.set(name, text);
    }
  }

  /** Those of an earlier run: of some of them the pod is gone by now. */
  private async earlier(): Promise<Map<string, string>> {
    await mkdir(this.directory, { recursive: true });
    const names = await readdir(this.directory);
    return new Map(names.filter((name) => name.startsWith('k8s ')).map((name) => [name, '']));
  }

  private tell(words: string): void {
    if (words !== this.trouble) this.options.troubled(words);
    this.trouble = words;
  }
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);
}

/** Orchestrator, workload and endpoint, each escaped as a part of a URL's path. Undefined for what is no pod. */
function fileName({ labels, name }: Endpoint): string | undefined {
  return labels['projectcalico.org/orchestrator'] === 'k8s' ? `k8s ${encodeURIComponent(name)} eth0` : undefined;
}

function contents(ifaceName: string, { addresses }: Endpoint): string {
  const ofFamily = (isIpv6: boolean) => addresses.filter((address) => address.includes(':') === isIpv6);
  const ipv4Nets = ofFamily(false).map((address) => `${address}/32`);
  const ipv6Nets = ofFamily(true).map((address) => `${address}/128`);
  return `${JSON.stringify({ ifaceName, ipv4Nets, ipv6Nets })}\n`;
}

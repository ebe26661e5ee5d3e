/**
 * Workloads of this node that are to be BGP neighbours, from the files that Felix writes for each workload
 * (FelixConfiguration `endpointStatusPathPrefix`): JSON with `ipv4Nets`, `ipv6Nets` and, where the `localWorkloadSelector`
 * of a BGPPeer picks it, `bgpPeerName`.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { isMissing, reasonOf } from '../datastore/datastore-error.ts';
import { FileWatch } from '../datastore/file-watch.ts';
import type { LocalWorkload } from '../peering/self.ts';
import { parseInterfaceAddress } from '../resources/peer-address.ts';

/** Milliseconds from the first sign of a change to reading: Felix writes in place, and often several files. */
const SETTLE_TIME = 100;

/** Milliseconds after which what failed is tried again. */
const RETRY_INTERVAL = 1_000;

const status = z.object({
  ipv4Nets: z.array(z.string()).default([]),
  ipv6Nets: z.array(z.string()).default([]),
  bgpPeerName: z.string().default(''),
});

export interface EndpointStatusOptions {
  /** Where the files are; the directory may come later. Empty for none. */
  readonly directory: string;
  /** Called when {@link EndpointStatus.workloads} is another list. */
  readonly changed: () => void;
  /** Called with what can't be read and why, in words, unless that was said last. */
  readonly troubled: (words: string) => void;
}

/** Follows the files; {@link workloads} is the same list as long as nothing about BGP changes. */
export class EndpointStatus {
  workloads: readonly LocalWorkload[] = [];

  private readonly options: EndpointStatusOptions;
  /** What each file held when it could be read last, by name. */
  private byFile = new Map<string, LocalWorkload | undefined>();
  private watch: FileWatch | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Whether the timer is only to try again what failed. */
  private isRetry = false;
  /** Readings follow one another. */
  private reading: Promise<void> = Promise.resolve();
  /** What went wrong when the files were read last, and what of that was told. */
  private trouble = '';
  private told = '';
  private stopped = false;

  constructor(options: EndpointStatusOptions) {
    this.options = options;
  }

  /** Reads what is there, and follows it from then on. */
  async start(): Promise<void> {
    if (this.options.directory !== '') await this.read();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.watch?.close();
  }

  private async read(): Promise<void> {
    const troubles: string[] = [];
    this.watchAnew(troubles);
    const byFile = new Map<string, LocalWorkload | undefined>();
    for (const name of await this.fileNames(troubles)) {
      // Files are read one by one: there are few, and nobody is in a hurry.
      const workload = await this.readWorkload(name, troubles);
      if (workload !== 'gone') byFile.set(name, workload);
    }
    if (this.stopped) return;
    this.byFile = byFile;
    this.tell(troubles);
    const workloads = [...byFile.values()].filter((workload) => workload !== undefined);
    if (isDeepStrictEqual(workloads, this.workloads)) return;
    this.workloads = workloads;
    this.options.changed();
  }

  /** Before reading, so that no change is missed. */
  private watchAnew(troubles: string[]): void {
    this.watch?.close();
    this.watch = new FileWatch(() => this.readIn(SETTLE_TIME, false));
    try {
      this.watch.addAbove(this.options.directory);
      this.watch.add(this.options.directory);
    } catch (error) {
      troubles.push(reasonOf(error));
    }
  }

  private async fileNames(troubles: string[]): Promise<string[]> {
    try {
      const entries = await readdir(this.options.directory, { withFileTypes: true });
      return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      troubles.push(`${this.options.directory} can't be read: ${reasonOf(error)}`);
      return [...this.byFile.keys()];
    }
  }

  /** What a file says, or said before it was broken: it may be half written. Undefined where it is nothing to BGP. */
  private async readWorkload(name: string, troubles: string[]): Promise<LocalWorkload | undefined | 'gone'> {
    const path = join(this.options.directory, name);
    try {
      return toWorkload(name, status.parse(JSON.parse(await readFile(path, 'utf8'))));
    } catch (error) {
      if (isMissing(error)) return 'gone';
      troubles.push(
        `${path} is no endpoint status: ${error instanceof z.ZodError ? z.prettifyError(error) : reasonOf(error)}`,
      );
      return this.byFile.get(name);
    }
  }

  private tell(troubles: readonly string[]): void {
    const words = troubles.join(' ');
    // A file that is being written is no trouble until it is read in vain again.
    if (words === '') this.told = '';
    else if (words === this.trouble && words !== this.told) {
      this.told = words;
      this.options.troubled(words);
    }
    this.trouble = words;
    if (words !== '') this.readIn(RETRY_INTERVAL, true);
  }

  private readIn(delay: number, isRetry: boolean): void {
    if (this.stopped || (this.timer !== undefined && (isRetry || !this.isRetry))) return;
    clearTimeout(this.timer);
    this.isRetry = isRetry;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.reading = this.reading.then(() => this.read());
    }, delay);
    this.timer.unref();
  }
}

function toWorkload(
  name: string,
  { ipv4Nets, ipv6Nets, bgpPeerName }: z.output<typeof status>,
): LocalWorkload | undefined {
  if (bgpPeerName === '') return undefined;
  const addresses = [...ipv4Nets, ...ipv6Nets].flatMap((net) => parseInterfaceAddress(net)?.address ?? []);
  return { name, addresses, bgpPeerName };
}

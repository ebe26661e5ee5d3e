/** Writes the status of the CalicoNodeStatuses that ask for one of this node, each in its own time. */
import { reasonOf } from '../datastore/datastore-error.ts';
import type { DatastoreWriter } from '../datastore/datastore.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import type { CalicoNodeStatus } from '../resources/kinds/calico-node-status.ts';

/** As it was read, without its status. */
type Wish = ResourceOf<'CalicoNodeStatus'>;

export interface NodeStatusReportsOptions {
  readonly node: string;
  readonly writer: () => DatastoreWriter | undefined;
  /** Makes the report; `cut` where not all routes are in it. */
  readonly report: (
    classes: CalicoNodeStatus['spec']['classes'],
  ) => Promise<{ readonly status: NonNullable<CalicoNodeStatus['status']>; readonly cut: boolean }>;
  /** Called with what is wrong with a report, in words, unless that was said last. */
  readonly troubled: (name: string, words: string) => void;
}

/** One that is written. */
interface Running {
  readonly wish: Wish;
  timer: NodeJS.Timeout | undefined;
  said: string;
}

export class NodeStatusReports {
  private readonly options: NodeStatusReportsOptions;
  private readonly running = new Map<string, Running>();
  private seen: readonly Wish[] = [];

  constructor(options: NodeStatusReportsOptions) {
    this.options = options;
  }

  /** Follows which are wanted. A new or changed one is written at once. */
  take(view: ClusterView): void {
    const all = view.list('CalicoNodeStatus');
    if (all === this.seen || this.options.writer() === undefined) return;
    this.seen = all;
    const wanted = new Map(all.filter((wish) => this.isWanted(wish)).map((wish) => [wish.metadata.name, wish]));
    for (const [name, one] of this.running) if (wanted.get(name) !== one.wish) this.end(one);
    for (const [name, wish] of wanted) {
      const before = this.running.get(name);
      if (before !== undefined) continue;
      const one: Running = { wish, timer: undefined, said: '' };
      this.running.set(name, one);
      void this.write(one);
    }
  }

  stop(): void {
    for (const one of this.running.values()) this.end(one);
  }

  private isWanted({ spec }: Wish): boolean {
    return spec.node === this.options.node && spec.updatePeriodSeconds > 0;
  }

  private end({ timer, wish }: Running): void {
    clearTimeout(timer);
    this.running.delete(wish.metadata.name);
  }

  /** Writes a report, and the next one when its time has come. */
  private async write(one: Running): Promise<void> {
    const { name } = one.wish.metadata;
    const { classes, updatePeriodSeconds } = one.wish.spec;
    let words = '';
    try {
      const { status, cut } = await this.options.report(classes);
      // Meanwhile it may be wanted no more.
      if (this.running.get(name) === one) await this.options.writer()?.writeNodeStatus(name, status);
      if (cut) words = 'there are more routes than a CalicoNodeStatus may hold: those left out are not in it';
    } catch (error) {
      words = `the CalicoNodeStatus is not written: ${reasonOf(error)}`;
    }
    if (words !== '' && words !== one.said) this.options.troubled(name, words);
    one.said = words;
    if (this.running.get(name) !== one) return;
    one.timer = setTimeout(() => void this.write(one), updatePeriodSeconds * 1000).unref();
  }
}

/** Drains of a node in time that tests let pass. */
import { vi } from 'vitest';
import type { DrainStage } from '../../src/advertiser/drain.ts';
import type { DrainSettings } from '../../src/daemon/drain-facts.ts';
import { drainFilePath } from '../../src/daemon/drain-file.ts';
import { DrainRunner } from '../../src/daemon/drain-runner.ts';
import { EventLog } from '../../src/process/event-log.ts';
import { clusterView } from '../../src/resources/cluster-view.ts';
import type { ClusterView } from '../../src/resources/cluster-view.ts';
import { parseResource } from '../../src/resources/parse-resource.ts';
import { createScratch } from './scratch.ts';

export const DRAIN_SETTINGS: DrainSettings = {
  onCordon: true,
  onOutOfService: true,
  onNetworkUnavailable: true,
  onStop: 'nodeStops',
  wait: 10,
  servicesWait: 5,
};

/** Of a node whose pods are not to run any more. */
export const OUT_OF_SERVICE = { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] };

/** Resources that hold just the Node `n1`. */
export function nodeView(spec: object = {}, conditions: object[] = []): ClusterView {
  const parsed = parseResource({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec,
    status: { conditions },
  });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return clusterView([parsed.resource]);
}

/** A runner with what is around it, which notes what is asked of it. */
class DrainWorld {
  settings = DRAIN_SETTINGS;
  told = true;
  /** Resolves when what is asked for is in force. */
  applied: Promise<void> = Promise.resolve();
  systemStops = false;
  /** What was in force, one after the other. */
  readonly stages: string[] = [];
  readonly withheld: boolean[] = [];
  shutDowns = 0;
  readonly events = new EventLog(Date.now);
  readonly runner: DrainRunner;
  private readonly began = performance.now();

  constructor({ restarting = false, file }: { restarting?: boolean; file: string | undefined }) {
    this.runner = new DrainRunner({
      node: 'n1',
      events: this.events,
      now: Date.now,
      settings: () => this.settings,
      file,
      restarting: () => restarting,
      withholdServices: (withhold) => this.withheld.push(withhold),
      apply: async () => {
        this.stages.push(`${Math.round((performance.now() - this.began) / 1000)} s ${this.stage}`);
        await this.applied;
      },
      isTold: () => this.told,
      shutDown: () => this.shutDowns++,
      isSystemStopping: async () => this.systemStops,
    });
  }

  get stage(): DrainStage {
    return this.runner.report.stage;
  }

  get words(): string[] {
    return this.events.after(0).map(({ words }) => words);
  }

  start(view = nodeView()): this {
    this.runner.take(view);
    return this;
  }

  async pass(seconds: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(seconds * 1000);
  }
}

/** Makes worlds whose runners remember in one file; from here to its end no time passes by itself. */
export class DrainWorlds implements Disposable {
  readonly scratch = createScratch('drain');
  readonly file = drainFilePath(this.scratch.path, 'n1')!;
  private readonly made: DrainWorld[] = [];

  constructor() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  }

  make(options: { restarting?: boolean; file?: string | undefined } = {}): DrainWorld {
    const world = new DrainWorld({ file: this.file, ...options });
    this.made.push(world);
    return world;
  }

  [Symbol.dispose](): void {
    for (const { runner } of this.made) runner.stop();
    vi.useRealTimers();
    this.scratch[Symbol.dispose]();
  }
}

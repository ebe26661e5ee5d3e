/** What a kernel knows of next hops, as far as the RIB sees it; answers come when a test takes them. */
import type { NextHopAnswer, NextHopListener } from '../../src/rib/next-hops.ts';

export class FakeResolver implements NextHopListener {
  /** Addresses by number of the watch. */
  readonly watched = new Map<number, string>();
  /** What was asked that must not be, in words. */
  readonly faults: string[] = [];
  /** Where there is none the next hop is directly connected; Infinity is unreachable. */
  private readonly metrics = new Map<string, number>();
  /** Watches that are still to be answered; some may have ended since. */
  private readonly due = new Map<number, string>();
  private last = 0;

  watch(id: number, address: string): void {
    if (id <= this.last) this.faults.push(`watch ${id} was there before`);
    if (address.startsWith('fe80:')) this.faults.push(`${address} is watched`);
    this.last = id;
    this.watched.set(id, address);
    this.due.set(id, address);
  }

  unwatch(id: number): void {
    if (!this.watched.delete(id)) this.faults.push(`watch ${id} ends twice`);
  }

  set(address: string, metric: number): void {
    this.metrics.set(address, metric);
    for (const [id, watched] of this.watched) if (watched === address) this.due.set(id, address);
  }

  metric(address: string): number {
    return this.metrics.get(address) ?? 0;
  }

  get hasAnswers(): boolean {
    return this.due.size > 0;
  }

  takeAnswers(): NextHopAnswer[] {
    const answers = [...this.due].map(([id, address]): NextHopAnswer => {
      const metric = this.metric(address);
      const reachable = metric !== Infinity;
      return { id, reachable, metric: reachable ? metric : 0, words: reachable ? `metric ${metric}` : 'no route' };
    });
    this.due.clear();
    return answers;
  }
}

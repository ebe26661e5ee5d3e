/** A stream of packets to an address and back, of which every lost one is noticed. */
import { readFileSync } from 'node:fs';

import type { Namespace } from './namespaces.ts';
import { start } from './processes.ts';
import type { RunningProcess } from './processes.ts';
import { createScratch } from './scratch.ts';
import type { Scratch } from './scratch.ts';
import { waitFor } from './wait-for.ts';

/** Packets that were answered, and those in between that were not. */
export interface PingCount {
  readonly received: number;
  readonly lost: number;
  /** Where packets were lost, in words. */
  readonly gaps: readonly string[];
}

/** Time and number of an answer. */
const ANSWER = /^\[([\d.]+)\].* icmp_seq=(\d+) .*time=/gm;

/** How a stream is sent. */
export interface PingOptions {
  /** Packets a second. */
  readonly rate?: number;
  /** The address that packets come from. */
  readonly source?: string;
}

/** `ping` in a namespace. The kernel answers at the other end, so that no busy process can lose a packet there. */
export class Ping implements AsyncDisposable {
  readonly target: string;
  private readonly process: RunningProcess;
  private readonly scratch: Scratch;
  private readonly file: string;
  private counted = 0;

  constructor(space: Namespace, target: string, { rate = 1000, source }: PingOptions = {}) {
    this.target = target;
    this.scratch = createScratch('ping');
    this.file = this.scratch.write('out', '');
    const from = source === undefined ? '' : `-I ${source}`;
    const command = `exec ping -n -D -i ${1 / rate} ${from} ${target} >>${this.file} 2>&1`;
    this.process = start(['sh', '-c', command], { name: `ping ${target}`, space });
  }

  /** Waits until this many more packets have been answered. */
  async answers(more: number, timeoutMs = 20_000): Promise<void> {
    const before = this.count().received;
    await waitFor(() => this.count().received - before, {
      what: `${more} answers of ${this.target}; ${this.text().slice(-300)}`,
      timeoutMs,
      accept: (answered) => answered >= more,
    });
  }

  /** Forgets what was answered, and lost, up to now. */
  restart(): void {
    this.counted = this.text().length;
  }

  /** What was answered since the start, or since {@link restart}. Packets after the last one answered are under way, or {@link answers} will time out. */
  count(): PingCount {
    const answered = new Map<number, number>();
    let [first, last] = [0, -1];
    for (const [, time, text] of this.text().slice(this.counted).matchAll(ANSWER)) {
      if (last < 0) last = (first = Number(text)) - 1;
      // 16 bits on the wire, forwards or, where one answer overtook another, backwards.
      const step = ((Number(text) - last + 0x8000) & 0xffff) - 0x8000;
      answered.set(last + step, Number(time));
      last = Math.max(last, last + step);
    }
    const gaps: string[] = [];
    let lost = 0;
    for (let next = first, before = first; next <= last; next++) {
      const time = answered.get(next);
      if (time === undefined) continue;
      const missing = Math.max(0, next - before - 1);
      if (missing > 0) gaps.push(`${missing} before ${next}, ${(time - (answered.get(before) ?? time)).toFixed(3)} s`);
      lost += missing;
      before = next;
    }
    return { received: answered.size, lost, gaps };
  }

  private text(): string {
    return readFileSync(this.file, 'latin1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    this.scratch[Symbol.dispose]();
  }
}

/** The figures of the policy agent as a table of their own: nothing that is compared elsewhere compares with them. */
import type { PolicyDelays, PolicyFigures, PolicyStream } from '../plan.ts';

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
const seconds = (value: number) => `${value.toFixed(2)} s`;

function delays({ p50Milliseconds, p99Milliseconds, longestMilliseconds }: PolicyDelays): string {
  const [p50, p99, longest] = [p50Milliseconds, p99Milliseconds, longestMilliseconds].map((value) => value.toFixed(1));
  return `p50 ${p50} ms, p99 ${p99} ms, at most ${longest} ms`;
}

function stream(figures: PolicyStream): string {
  const { perSecond, corePercent } = figures;
  return `${delays(figures)}; ${corePercent.toFixed(1)} % of a core with ${perSecond.toFixed(0)} a second`;
}

const ratio = (value: number, base: number) => (value / base).toFixed(2);

/** A row for each figure, with what was aimed at and what plain `nft -f` takes for the same. */
export function policyTable(figures: PolicyFigures): string {
  const { events, nftEvents, startSeconds, startCpuSeconds, startPeakBytes, settledBytes, peakBytes } = figures;
  const start = `${seconds(startSeconds)}, CPU ${seconds(startCpuSeconds)}`;
  const load = `${seconds(figures.nftLoadSeconds)} to load the same rules`;
  const memory = `at most ${megabytes(startPeakBytes)}, at rest ${megabytes(settledBytes)}`;
  const medians = ratio(events.p50Milliseconds, nftEvents.p50Milliseconds);
  const rows = [
    ['what', 'measured', 'aim', 'plain `nft -f`'],
    ['start until the kernel has all rules', start, '5 s', load],
    ['memory for that', memory, '400 MB', ''],
    [
      'a pod, from etcd to the kernel',
      delays(events),
      '10 ms',
      `${delays(nftEvents)}; ratio of the medians ${medians}`,
    ],
    ['1,000 changes a second that concern rules', stream(figures.stream), '', ''],
    ['1,000 changes a second that concern none', stream(figures.unconcerned), '', ''],
    ['memory after that', `at most ${megabytes(peakBytes)}`, '400 MB', ''],
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(rows[0]), '|---|---|---|---|', ...rows.slice(1).map(line)].join('\n');
}

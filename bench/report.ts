/** Results as a table, as JSON and as docs/benchmarks.md. */
import { cpus, release, totalmem } from 'node:os';
import { readFile, writeFile } from 'node:fs/promises';

import { DAEMONS } from './daemons.ts';
import type { Options } from './options.ts';
import { SCENARIOS } from './plan.ts';
import { policyTable } from './policy/report-policy.ts';
import type { ClusterFigures, MeshFigures, Result, ScenarioName, ServiceFigures } from './plan.ts';
import { run } from '../test/support/processes.ts';

const DOCUMENT = 'docs/benchmarks.md';
interface Section {
  readonly begin: string;
  readonly end: string;
  readonly holds: (scenario: string) => boolean;
}

/** What is written by a run that has results for it; the others stay as they are. */
const SECTIONS: readonly Section[] = [
  {
    begin: '<!-- results: written by npm run bench -- --write -->',
    end: '<!-- end of results -->',
    holds: (scenario) => scenario !== 'policy',
  },
  {
    begin: '<!-- policy: written by npm run bench -- --only policy --write -->',
    end: '<!-- end of policy -->',
    holds: (scenario) => scenario === 'policy',
  },
];

const HEADINGS = ['scenario', 'daemon', 'wall s', 'CPU s', 'memory MB', 'figure', 'x BIRD', 'memory x BIRD'];

function figureText(result: Result): string {
  if (result.services !== undefined) return servicesText(result.services);
  if (result.p50Milliseconds !== undefined)
    return `p50 ${result.p50Milliseconds.toFixed(3)} ms, p99 ${result.p99Milliseconds?.toFixed(3)} ms`;
  if (result.corePercent !== undefined) return `${result.corePercent.toFixed(2)} % of a core`;
  if (result.lateMilliseconds !== undefined)
    return `KEEPALIVE late by ${result.lateMilliseconds.toFixed(0)} ms at most`;
  if (result.switchMilliseconds !== undefined)
    return `switched in ${result.switchMilliseconds.toFixed(1)} ms; changes: ${result.changes}`;
  if (result.adoptSeconds !== undefined)
    return `adopted in ${result.adoptSeconds.toFixed(3)} s, ${ratio(result.adoptSeconds, result.showSeconds)} x ip route show`;
  if (result.cluster !== undefined) return clusterText(result.cluster);
  if (result.mesh !== undefined) return meshText(result.mesh);
  return '';
}

function clusterText(figures: ClusterFigures): string {
  const { restPercent, changesPercent, changesPerSecond, p50Milliseconds, p99Milliseconds } = figures;
  const changes = `${changesPercent.toFixed(1)} % with ${changesPerSecond.toFixed(0)} changes a second`;
  const delay = `change to UPDATE p50 ${p50Milliseconds.toFixed(1)} ms, p99 ${p99Milliseconds.toFixed(1)} ms`;
  return `${restPercent.toFixed(1)} % of a core at rest, ${changes}; ${delay}`;
}

function servicesText(figures: ServiceFigures): string {
  const { computeSeconds, heapBytes = 0, p50Milliseconds, p99Milliseconds, cpuPerChange, cpuRatio } = figures;
  const all =
    computeSeconds === undefined
      ? ''
      : `all in ${computeSeconds.toFixed(2)} s, ${(heapBytes / 1e6).toFixed(0)} MB of heap; `;
  const delay = `change to UPDATE p50 ${p50Milliseconds.toFixed(2)} ms, p99 ${p99Milliseconds.toFixed(2)} ms`;
  const cpu = `${(cpuPerChange * 1e6).toFixed(0)} µs of CPU a change, ${cpuRatio.toFixed(2)} x that with a tenth`;
  return `${all}${delay} at ${figures.changesPerSecond.toFixed(0)} changes a second; ${cpu}`;
}

function meshText({ pssBytes, blockMilliseconds, restartSeconds }: MeshFigures): string {
  const block = `new block everywhere in ${blockMilliseconds.toFixed(0)} ms`;
  return `PSS ${(pssBytes / 1e6).toFixed(0)} MB; ${block}; one restarted: ${restartSeconds.toFixed(2)} s`;
}

function ratio(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined || base === 0 ? '' : (value / base).toFixed(2);
}

function row(result: Result, results: readonly Result[]): string[] {
  const { figure } = SCENARIOS[result.scenario as ScenarioName];
  const bird = results.find((other) => other.scenario === result.scenario && other.daemon === 'bird');
  return [
    result.scenario,
    result.daemon,
    result.wallSeconds.toFixed(3),
    result.cpuSeconds === 0 ? '' : result.cpuSeconds.toFixed(3),
    result.peakMemoryBytes === 0 ? '' : (result.peakMemoryBytes / 1e6).toFixed(0),
    figureText(result),
    ratio(result[figure], bird?.[figure]),
    result.peakMemoryBytes === 0 ? '' : ratio(result.peakMemoryBytes, bird?.peakMemoryBytes),
  ];
}

/** The results as Markdown. */
export function formatResults(results: readonly Result[]): string {
  const others = results.filter(({ policy }) => policy === undefined);
  const tables = results.flatMap(({ policy }) => (policy === undefined ? [] : [policyTable(policy)]));
  return [...(others.length > 0 ? [formatTable(others)] : []), ...tables].join('\n\n');
}

/** The results as a Markdown table whose columns are aligned. */
function formatTable(results: readonly Result[]): string {
  const rows = [HEADINGS, ...results.map((result) => row(result, results))];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}

/** Writes the results for programs. */
export async function writeJson(
  file: string,
  results: readonly Result[],
  notes: readonly string[],
  options: Options,
): Promise<void> {
  const { scale, seed, runs } = options;
  await writeFile(file, `${JSON.stringify({ scale, seed, runs, results, notes }, undefined, 2)}\n`);
}

async function versions(results: readonly Result[]): Promise<string[]> {
  const used = DAEMONS.filter(({ name }) => results.some(({ daemon }) => daemon === name));
  return Promise.all(
    used.map(async ({ name, version }) => {
      const text = await run(['sh', '-c', '"$@" 2>&1', 'sh', ...version]);
      return `${name}: ${text.split('\n')[0]}`;
    }),
  );
}

/** Replaces the results in docs/benchmarks.md; the rest of that document is written by hand. */
export async function writeDocument(
  results: readonly Result[],
  notes: readonly string[],
  options: Options,
): Promise<void> {
  let text = await readFile(DOCUMENT, 'utf8');
  for (const section of SECTIONS) {
    const own = results.filter(({ scenario }) => section.holds(scenario));
    const ownNotes = notes.filter((note) => section.holds(/^[\w-]+/.exec(note)?.[0] ?? ''));
    if (own.length > 0) text = replaced(text, section, await sectionLines(own, ownNotes, options));
  }
  await writeFile(DOCUMENT, text);
}

function replaced(text: string, { begin, end }: Section, lines: readonly string[]): string {
  const [before, rest] = text.split(begin);
  const [, after] = (rest ?? '').split(end);
  return before + [begin, '', ...lines, end].join('\n') + after;
}

async function sectionLines(results: readonly Result[], notes: readonly string[], options: Options): Promise<string[]> {
  const [{ model }] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const machine = `${cpus().length} cores (${model.trim()}), ${memory} GiB, Linux ${release()}`;
  const list = notes.map((note) => `- ${note}`);
  return [
    `Machine: ${machine}. Scale ${options.scale}, seed ${options.seed}, middle of ${options.runs} run(s).`,
    `Versions: ${(await versions(results)).join('; ')}.`,
    '',
    formatResults(results),
    '',
    ...list,
    ...(list.length > 0 ? [''] : []),
  ];
}

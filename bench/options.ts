/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';

import { SCENARIO_NAMES } from './plan.ts';
import type { ScenarioName } from './plan.ts';

/** What is to be run. */
export interface Options {
  readonly only: readonly ScenarioName[];
  /** Daemons by name; undefined for the usual ones. */
  readonly peers?: readonly string[];
  readonly scale: number;
  readonly seed: number;
  /** How often each scenario runs; the middle run counts. */
  readonly runs: number;
  readonly all: boolean;
  /** File for the results. */
  readonly json?: string;
  /** Whether to write docs/benchmarks.md. */
  readonly write: boolean;
}

const USAGE = `npm run bench -- [options]
  --only SCENARIO,...  ${SCENARIO_NAMES.join(', ')}
  --peers NAME,...     starling, bird, frr, gobgpd, openbgpd, ip
  --all                also what takes minutes (gobgpd with the full table and as reflector)
  --scale FACTOR       smaller tables, e.g. 0.1
  --runs N             repeat each and report the middle run (1)
  --seed N             other routes (1)
  --json FILE          also write the results there
  --write              also write docs/benchmarks.md`;

/** Reads the command line. Throws an error with the usage where it makes no sense. */
export function parseOptions(argv: readonly string[]): Options {
  try {
    return readOptions(argv);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`, { cause: error });
  }
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', default: SCENARIO_NAMES.join(',') },
      peers: { type: 'string' },
      scale: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      runs: { type: 'string', default: '1' },
      all: { type: 'boolean', default: false },
      json: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  return {
    only: values.only.split(',').map(scenarioName),
    ...(values.peers === undefined ? {} : { peers: values.peers.split(',') }),
    scale: positive(values.scale, '--scale'),
    seed: positive(values.seed, '--seed'),
    runs: positive(values.runs, '--runs'),
    all: values.all,
    ...(values.json === undefined ? {} : { json: values.json }),
    write: values.write,
  };
}

function scenarioName(text: string): ScenarioName {
  const known = SCENARIO_NAMES.find((name) => name === text);
  if (known === undefined) throw new Error(`there is no scenario ${text}`);
  return known;
}

function positive(text: string, name: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name} wants a number above 0, not ${text}`);
  return value;
}

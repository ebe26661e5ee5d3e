/**
 * A vitest reporter that appends every test's result to the file named by `STARLING_TEST_RESULTS`, one JSON object a line,
 * as each test file ends, so that a run that is cut short still leaves what it found. `scripts/test.mjs` reads it.
 */
import { appendFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

interface Result {
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly reason?: string;
}

/** The first error of a file or suite itself, as opposed to one of its tests: it did not load, or a hook threw. */
function ownFailure(group: TestModule | TestSuite, name: string): Result | undefined {
  const error = group.errors()[0];
  return error && { name: `${name} (outside of its tests)`, state: 'failed', reason: error.message };
}

function resultOf(test: TestCase, file: string): Result {
  const result = test.result();
  const name = `${file} > ${test.fullName}`;
  if (result.state === 'passed') return { name, state: 'passed' };
  if (result.state === 'failed')
    return { name, state: 'failed', reason: result.errors[0]?.message ?? 'no error given' };
  if (result.state === 'skipped') return { name, state: 'skipped', reason: result.note ?? reasonFromAbove(test) };
  return { name, state: 'failed', reason: 'did not finish' };
}

/** A test without a note of its own was skipped with a suite that says why in its title, or because a hook around it failed. */
function reasonFromAbove(test: TestCase): string {
  const titled = /\(skipped: (.*?)\)(?: > |$)/.exec(test.fullName);
  if (titled) return titled[1];
  for (let group: TestSuite | TestModule = test.parent; ; group = group.parent) {
    const error = group.errors()[0];
    if (error) return `set-up failed: ${error.message}`;
    if (group.type === 'module') return 'no reason given';
  }
}

/** See the file's comment. */
export default class ResultsReporter implements Reporter {
  #file = '';
  #filtered = false;

  onInit(vitest: Vitest): void {
    this.#file = process.env['STARLING_TEST_RESULTS'] ?? '';
    this.#filtered = vitest.config.testNamePattern !== undefined;
    if (this.#file === '') throw new Error('STARLING_TEST_RESULTS must name the file to append the results to');
  }

  onTestModuleEnd(module: TestModule): void {
    const file = module.relativeModuleId;
    const results: (Result | undefined)[] = [ownFailure(module, file)];
    for (const suite of module.children.allSuites()) results.push(ownFailure(suite, `${file} > ${suite.fullName}`));
    for (const test of module.children.allTests()) {
      // A test that the name filter left out was not asked for; vitest calls it skipped.
      if (!(this.#filtered && test.options.mode === 'skip')) results.push(resultOf(test, file));
    }
    this.#append(results.filter((result) => result !== undefined));
  }

  onTestRunEnd(_modules: readonly TestModule[], unhandledErrors: readonly { message: string; stack?: string }[]): void {
    this.#append(
      unhandledErrors.map((error) => ({
        name: 'an error outside of any test',
        state: 'failed',
        reason: error.message,
      })),
    );
  }

  #append(results: readonly Result[]): void {
    appendFileSync(this.#file, results.map((result) => `${JSON.stringify(result)}\n`).join(''));
  }
}

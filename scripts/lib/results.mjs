/** Counts of a test run, and how they are told. */

/** Collects results: `{ name, state: 'passed' | 'failed' | 'skipped', reason? }`. */
export class Results {
  #results = [];

  add(...results) {
    this.#results.push(...results);
  }

  #of(state) {
    return this.#results.filter((result) => result.state === state);
  }

  get failed() {
    return this.#of('failed').length;
  }

  /** The failures and skips by name, then the counts as the last line. */
  summary() {
    const tell = (word, result) => `${word}: ${result.name}${result.reason ? ` (${oneLine(result.reason)})` : ''}`;
    return [
      ...this.#of('failed').map((result) => tell('failed', result)),
      ...this.#of('skipped').map((result) => tell('skipped', result)),
      `${this.#of('passed').length} passed, ${this.failed} failed, ${this.#of('skipped').length} skipped`,
    ].join('\n');
  }
}

/** First line of a text, shortened. */
function oneLine(text) {
  const line = text.split('\n', 1)[0];
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}

/** Reads what `test/support/reporter.ts` wrote: one JSON result a line; a last line that was cut off is left out. */
export function parseResults(text) {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** Cuts a stream of text into lines. */
export class LineSplitter {
  readonly #longest: number;
  #rest = '';

  /** `longest` is how long a line may be, in characters. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The lines that `text` completes. Throws RangeError for one that is too long. */
  push(text: string): string[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > this.#longest) throw new RangeError(`a line of more than ${this.#longest} characters`);
    return lines.filter((line) => line !== '');
  }
}

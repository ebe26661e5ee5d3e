/** Takes the JSON of a list of the Kubernetes API apart while it comes in, so that nobody has to hold, or to parse, all of it at once. */

const [QUOTE, BACKSLASH, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = Array.from('"\\{}[]', (sign) => sign.charCodeAt(0));

/** The depth of braces and brackets within the list itself, and in its items. */
const LIST = 1;
const ITEMS = 2;

export class ListSplitter {
  readonly #longest: number;
  /** What is not among the items. */
  #rest = '';
  /** The beginning of an item. */
  #item = '';
  #depth = 0;
  #isInText = false;
  #isEscaped = false;
  #isInItems = false;

  /** `longest` is how long an item may be, in characters. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The list without its items; JSON once everything came in. */
  get rest(): string {
    return this.#rest;
  }

  /** The JSON of each item that `text` completes. Throws RangeError for one that is too long. */
  push(text: string): string[] {
    const items: string[] = [];
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const sign = text.charCodeAt(at);
      if (this.#isInText) this.#passText(sign);
      else if (sign === QUOTE) this.#isInText = true;
      else if (sign === OPEN || sign === OPEN_LIST) {
        if (this.#isInItems && this.#depth === ITEMS) from = at;
        else if (sign === OPEN_LIST && this.#depth === LIST) {
          this.#rest += text.slice(from, at + 1);
          from = at + 1;
          this.#isInItems = /"items"\s*:\s*\[$/.test(this.#rest);
        }
        this.#depth++;
      } else if (sign === CLOSE || sign === CLOSE_LIST) {
        this.#depth--;
        if (this.#isInItems && this.#depth === ITEMS) {
          items.push(this.#item + text.slice(from, at + 1));
          this.#item = '';
        } else if (this.#isInItems && this.#depth === LIST) {
          this.#isInItems = false;
          from = at;
        }
      }
    }
    this.#keep(text.slice(from));
    return items;
  }

  #passText(sign: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (sign === BACKSLASH) this.#isEscaped = true;
    else if (sign === QUOTE) this.#isInText = false;
  }

  /** What is not complete, or no item. */
  #keep(text: string): void {
    if (!this.#isInItems) this.#rest += text;
    else if (this.#depth > ITEMS) this.#item += text;
    if (this.#item.length > this.#longest) throw new RangeError(`an object of more than ${this.#longest} characters`);
  }
}

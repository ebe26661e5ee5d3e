/** Takes the JSON of a list of the Kubernetes API apart while it comes in, so that nobody has to hold, or to parse, all of it at once. */
import { BACKSLASH, CLOSE, CLOSE_LIST, OPEN, OPEN_LIST, QUOTE } from './json-signs.ts';

/** The depth of braces and brackets within the list itself, and in its items. */
const LIST = 1;
const ITEMS = 2;

/** Works on bytes: in UTF-8 those of the signs that it looks for are never part of another. */
export class ListSplitter {
  readonly #longest: number;
  /** What is not among the items. */
  #rest: Buffer[] = [];
  /** The beginning of an item. */
  #item: Buffer[] = [];
  #itemLength = 0;
  #depth = 0;
  #isInText = false;
  #isEscaped = false;
  #isInItems = false;

  /** `longest` is how long an item may be, in bytes. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The list without its items; JSON once everything came in. */
  get rest(): string {
    return Buffer.concat(this.#rest).toString();
  }

  /** The JSON of each item that `bytes` complete, which must not be changed any more. Throws RangeError for one that is too long. */
  push(bytes: Buffer): Buffer[] {
    const items: Buffer[] = [];
    let from = 0;
    // Fields of the object would take several times as long for each byte.
    let depth = this.#depth;
    let isInText = this.#isInText;
    let isEscaped = this.#isEscaped;
    let isInItems = this.#isInItems;
    const { length } = bytes;
    for (let at = 0; at < length; at++) {
      const sign = bytes[at];
      if (isInText) {
        if (isEscaped) isEscaped = false;
        else if (sign === QUOTE) isInText = false;
        else if (sign === BACKSLASH) isEscaped = true;
      } else if (sign === QUOTE) isInText = true;
      else if (sign === OPEN || sign === OPEN_LIST) {
        if (isInItems && depth === ITEMS) from = at;
        else if (sign === OPEN_LIST && depth === LIST) {
          this.#rest.push(bytes.subarray(from, at + 1));
          from = at + 1;
          isInItems = /"items"\s*:\s*\[$/.test(this.rest);
        }
        depth++;
      } else if (sign === CLOSE || sign === CLOSE_LIST) {
        depth--;
        if (isInItems && depth === ITEMS) items.push(this.#completed(bytes.subarray(from, at + 1)));
        else if (isInItems && depth === LIST) {
          isInItems = false;
          from = at;
        }
      }
    }
    this.#depth = depth;
    this.#isInText = isInText;
    this.#isEscaped = isEscaped;
    this.#isInItems = isInItems;
    this.#keep(bytes.subarray(from));
    return items;
  }

  #completed(end: Buffer): Buffer {
    if (this.#item.length === 0) return end;
    const item = Buffer.concat([...this.#item, end]);
    this.#item = [];
    this.#itemLength = 0;
    return item;
  }

  /** What is not complete, or no item. */
  #keep(bytes: Buffer): void {
    if (!this.#isInItems) this.#rest.push(bytes);
    else if (this.#depth > ITEMS) {
      this.#item.push(bytes);
      this.#itemLength += bytes.length;
    }
    if (this.#itemLength > this.#longest) throw new RangeError(`an object of more than ${this.#longest} bytes`);
  }
}

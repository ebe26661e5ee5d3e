/** Leaves out of JSON what nobody wants to know, without parsing it: of a Pod that is nine tenths. */
import { BACKSLASH, CLOSE, CLOSE_LIST, OPEN, OPEN_LIST, QUOTE } from './json-signs.ts';

/** The fields that are kept: whole, or of objects, and of the objects in lists, those within. */
export interface Fields {
  readonly [name: string]: true | Fields;
}

/** Fields by the bytes of their names. */
type Wanted = true | readonly { readonly name: Uint8Array; readonly wanted: Wanted }[];

const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;

export class FieldPicker {
  readonly #wanted: Wanted;
  #from: Uint8Array = Buffer.alloc(0);
  #at = 0;
  #to = Buffer.alloc(0);
  #length = 0;

  constructor(fields: Fields) {
    this.#wanted = wantedOf(fields);
  }

  /** The JSON of a value without the other fields. What is no JSON gives anything, but always comes to an end. */
  pick(json: Buffer): string {
    // What is kept is never longer than what it is kept of.
    if (this.#to.length < json.length) this.#to = Buffer.allocUnsafe(2 * json.length + 64);
    this.#from = json;
    this.#at = 0;
    this.#length = 0;
    this.#value(this.#wanted);
    return this.#to.toString('utf8', 0, this.#length);
  }

  #value(wanted: Wanted): void {
    const sign = this.#sign();
    if (wanted !== true && sign === OPEN) this.#object(wanted);
    else if (wanted !== true && sign === OPEN_LIST) this.#list(wanted);
    else {
      const start = this.#at;
      this.#skip();
      this.#copy(start, this.#at);
    }
  }

  #object(wanted: Exclude<Wanted, true>): void {
    this.#copy(this.#at, ++this.#at);
    let isFirst = true;
    for (;;) {
      const sign = this.#sign();
      if (sign === COMMA) this.#at++;
      else if (sign !== QUOTE) break;
      else {
        const start = this.#at;
        this.#skip();
        const end = this.#at;
        if (this.#sign() === COLON) this.#at++;
        this.#sign();
        const field = wanted.find(({ name }) => this.#isNamed(name, start + 1, end - 1));
        if (field === undefined) this.#skip();
        else {
          if (!isFirst) this.#put(COMMA);
          isFirst = false;
          this.#copy(start, end);
          this.#put(COLON);
          this.#value(field.wanted);
        }
      }
    }
    // What is cut off may have had no room for it.
    this.#put(CLOSE);
    this.#at++;
  }

  #list(wanted: Wanted): void {
    this.#copy(this.#at, ++this.#at);
    for (;;) {
      const sign = this.#sign();
      if (sign === CLOSE_LIST || sign === undefined) break;
      if (sign === COMMA) this.#copy(this.#at, ++this.#at);
      else {
        const before = this.#at;
        this.#value(wanted);
        if (this.#at === before) break;
      }
    }
    this.#put(CLOSE_LIST);
    this.#at++;
  }

  /** The next that is no white space. */
  #sign(): number | undefined {
    while (this.#from[this.#at] <= SPACE) this.#at++;
    return this.#from[this.#at];
  }

  #isNamed(name: Uint8Array, start: number, end: number): boolean {
    if (end - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (this.#from[start + i] !== name[i]) return false;
    return true;
  }

  /** Goes behind the value that begins here. */
  #skip(): void {
    const from = this.#from;
    let at = this.#at;
    let depth = 0;
    for (; at < from.length; at++) {
      const sign = from[at];
      if (sign === QUOTE) {
        at++;
        while (at < from.length && from[at] !== QUOTE) at += from[at] === BACKSLASH ? 2 : 1;
        if (depth === 0) break;
      } else if (sign === OPEN || sign === OPEN_LIST) depth++;
      else if (sign === CLOSE || sign === CLOSE_LIST) {
        // The end of what a number is in.
        if (depth === 0) break;
        depth--;
        if (depth === 0) break;
      } else if (depth === 0 && (sign === COMMA || sign <= SPACE)) break;
    }
    const last = from[at];
    const isEnd = last === QUOTE || ((last === CLOSE || last === CLOSE_LIST) && isOpening(from[this.#at]));
    this.#at = isEnd ? at + 1 : at;
  }

  #copy(start: number, end: number): void {
    const from = this.#from;
    const to = this.#to;
    let length = this.#length;
    for (let i = start; i < end; i++) to[length++] = from[i];
    this.#length = length;
  }

  #put(sign: number): void {
    this.#to[this.#length++] = sign;
  }
}

function isOpening(sign: number): boolean {
  return sign === OPEN || sign === OPEN_LIST;
}

function wantedOf(fields: Fields): Wanted {
  return Object.entries(fields).map(([name, within]) => ({
    name: Buffer.from(name),
    wanted: within === true ? true : wantedOf(within),
  }));
}

/** Reads the text of a file of manifests: YAML or JSON, several documents, lists. */
import { LineCounter, parseAllDocuments } from 'yaml';
import type { Document, YAMLParseError } from 'yaml';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { isJsonObject } from '../resources/resource.ts';
import type { SourcedProblem } from './datastore.ts';
import { identityOf, sourcedProblem } from './sourced-problem.ts';
import type { Identity } from './sourced-problem.ts';
import { offsetOf } from './yaml-places.ts';
import type { Path } from './yaml-places.ts';

/** A resource and where it stands. */
export interface Entry {
  readonly resource: AnyResource;
  readonly source: string;
}

/** What a file holds, in its order. */
export interface ManifestFile {
  readonly entries: readonly Entry[];
  readonly problems: readonly SourcedProblem[];
}

/**
 * Reads a file. What can't be read keeps its last good state, which is among `previous`, the entries of the file as it was
 * before: all of it where the text is no YAML, single resources where only those are wrong.
 */
export function readManifestFile(file: string, text: string, previous: readonly Entry[] = []): ManifestFile {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const reader = new Reader(file, lines, previous);
  for (const document of 'empty' in documents ? [] : documents) {
    const [error] = document.errors;
    if (error !== undefined) return reader.broken(syntaxWords(error), error.pos[0]);
    const value = toJson(document);
    if (value instanceof Error) return reader.broken(withoutTail(value.message), document.range?.[0] ?? 0);
    reader.read(document, value);
  }
  return reader.result;
}

const TAG = 'a tag (a word that begins with "!") that means nothing here; a text that begins so needs quotes';

/** Words for the errors that YAML tells with a part of the text in the middle. */
const SYNTAX_WORDS: Readonly<Partial<Record<YAMLParseError['code'], string>>> = {
  BAD_COLLECTION_TYPE: TAG,
  BAD_DIRECTIVE: 'a directive (a line that begins with "%") that means nothing here',
  BAD_DQ_ESCAPE: 'an escape sequence that means nothing; in double quotes a "\\" is written twice',
  TAG_RESOLVE_FAILED: TAG,
};

/** What is wrong with the text, without quoting it: what YAML trips over may be a password. */
function syntaxWords({ code, message }: YAMLParseError): string {
  return SYNTAX_WORDS[code] ?? withoutTail(message);
}

/** The text that an error is about follows its last words, after a colon. */
function withoutTail(message: string): string {
  return message.replace(/(?<=[\w)]): .*$/s, '');
}

/** The value of a document, or why it has none: too many aliases, or nesting that the stack can't bear. */
function toJson(document: Document): unknown {
  try {
    return document.toJS();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

class Reader {
  readonly #entries: Entry[] = [];
  readonly #problems: SourcedProblem[] = [];
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #previous: readonly Entry[];

  constructor(file: string, lines: LineCounter, previous: readonly Entry[]) {
    this.#file = file;
    this.#lines = lines;
    this.#previous = previous;
  }

  get result(): ManifestFile {
    return { entries: this.#entries, problems: this.#problems };
  }

  /** The file as it was before, or what stands before the fault where there is nothing better. */
  broken(message: string, offset: number): ManifestFile {
    const kept = this.#previous.length > 0;
    const problem: SourcedProblem = {
      source: this.#placeOf(offset),
      path: [],
      message: `not valid YAML: ${message}${kept ? '; what the file held before stays in force' : ''}`,
      severity: 'error',
    };
    return { entries: kept ? this.#previous : this.#entries, problems: [...this.#problems, problem] };
  }

  read(document: Document, value: unknown): void {
    for (const [manifest, path] of manifestsOf(value)) {
      const source = this.#placeOf(offsetOf(document.contents, path));
      const parsed = parseResource(manifest);
      const identity = identityOf(manifest);
      for (const problem of parsed.problems) {
        const place = this.#placeOf(offsetOf(document.contents, [...path, ...problem.path]));
        this.#problems.push(sourcedProblem(place, identity, problem));
      }
      if (parsed.ok) this.#entries.push({ resource: parsed.resource, source });
      else if (parsed.problems.some(({ severity }) => severity === 'error')) this.#keep(identity);
    }
  }

  /** Keeps the last good state of a resource that is wrong now. */
  #keep({ kind, name, namespace }: Identity): void {
    const last = this.#previous.find(
      ({ resource }) =>
        resource.kind === kind && resource.metadata.name === name && resource.metadata.namespace === namespace,
    );
    if (last !== undefined) this.#entries.push(last);
  }

  #placeOf(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${line}:${col}`;
  }
}

/** The manifests in a document with their places in it: one, or the items of a list. */
function manifestsOf(value: unknown): [manifest: unknown, path: Path][] {
  if (value === null || value === undefined) return [];
  if (!isJsonObject(value)) return [[value, []]];
  const { apiVersion, kind, items } = value;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) return [[value, []]];
  // The items of a `BGPPeerList` need not say again what they are; those of a plain `List` must.
  const common = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
  return items.map((item, i) => [isJsonObject(item) ? { ...common, ...item } : item, ['items', i]]);
}

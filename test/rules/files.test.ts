/** Holds the rules that concern every file: length, unfinished or silenced code, machines' names, links that lead nowhere. */
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFiles } from './project-files.ts';
import { codeFaults, danglingReferences, localLinks, MAX_LINES, textFaults } from './text-rules.ts';

const files = projectFiles('.');
const paths = new Set(files.flatMap((file) => [file.path, posix.dirname(file.path)]));
const code = files.filter((file) => /\.(?:ts|mjs)$/.test(file.path) && !file.path.startsWith('test/rules/'));
const documents = files.filter((file) => file.path.endsWith('.md'));

describe('the files', () => {
  it(`of src have at most ${MAX_LINES} lines`, () => {
    const long = code
      .filter((file) => file.path.startsWith('src/') && !file.path.endsWith('.test.ts'))
      .map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
      .filter((file) => file.lines > MAX_LINES);
    expect(long).toEqual([]);
  });

  it('hold no unfinished, untyped, focused or silenced code', () => {
    expect(code.flatMap((file) => codeFaults(file.text).map((fault) => `${file.path}: ${fault}`))).toEqual([]);
  });

  it('name no machine that they were written on', () => {
    expect(files.flatMap((file) => textFaults(file.text).map((fault) => `${file.path}: ${fault}`))).toEqual([]);
  });
});

describe('the documents', () => {
  it('link only to what is there', () => {
    const broken = documents.flatMap((file) =>
      localLinks(file.text)
        .filter((target) => !paths.has(posix.join(posix.dirname(file.path), target).replace(/\/$/, '')))
        .map((target) => `${file.path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('show each claim of docs/RFCS.md by tests that are there', () => {
    const [rfcs] = documents.filter((file) => file.path === 'docs/RFCS.md').map((file) => file.text);
    expect(danglingReferences(rfcs)).toEqual([]);
    expect(localLinks(rfcs).filter((target) => !target.endsWith('.test.ts'))).toEqual([]);
    const claims = rfcs.split('\n').filter((line) => /^\| .*\| yes\b/.test(line));
    expect(claims.filter((line) => !/\[[\w-]+\]|interop/.test(line))).toEqual([]);
    expect(claims.length).toBeGreaterThan(0);
  });
});

describe('the checks themselves', () => {
  it.each([
    ['const a: any = 1;', 1],
    ['const a = b as any;', 1],
    ['const a: Map<any, B> = c;', 1],
    ["it.only('a', () => {});", 1],
    ['// TODO later', 1],
    ['// @ts-ignore', 1],
    ['// any: of these; as any other', 0],
    ["expect.any(Number); f('as any');", 0],
    ['Promise.any([a]); const b = c ? any(d) : any(e);', 0],
  ])('see what is wrong in %s', (text, faults) => {
    expect(codeFaults(text)).toHaveLength(faults);
  });

  // With ~ for /, so that this file passes its own check.
  it.each([
    ['cd ~work~main', 1],
    ['see ..~framework~work~x and src~work~x', 0],
    ['https:~~registry.example.org~x', 1],
    ['https:~~www.rfc-editor.org~rfc~rfc4271', 0],
  ])('see the machine in %s', (text, faults) => {
    expect(textFaults(text.replaceAll('~', '/'))).toHaveLength(faults);
  });

  it('find the links of a document', () => {
    expect(localLinks('[a](b/c.md#d) [e](https://f.g/h) [i](#j) ![k](l.png)\n[m]: n.md')).toEqual([
      'b/c.md',
      'l.png',
      'n.md',
    ]);
    expect(danglingReferences('[a](b) [c] [d]\n[c]: e\n[f]: g')).toEqual(['d', 'f']);
  });
});

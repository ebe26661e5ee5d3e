/** Rules over the text of the project's files, as functions, so that they can be tested themselves. */

/** Longest that a source file may be, in lines. */
export const MAX_LINES = 400;

const COMMENT_OR_STRING = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g;

/** What must not stand in a code file, and why. `code`: searched with comments and strings taken out. */
const IN_CODE = [
  { pattern: /(?::|\bas|<|\|)\s*any\b(?!\s*\()/, code: true, why: 'the type any' },
  { pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/, code: false, why: 'a mark of unfinished work' },
  { pattern: /\.only\(/, code: true, why: 'a focused test' },
  { pattern: /@ts-(?:ignore|expect-error|nocheck)|(?:eslint|oxlint)-disable/, code: false, why: 'a silenced check' },
];

/** What must not stand in any file: names of the machines that it was written on. */
const ANYWHERE = [
  { pattern: /(?:^|[^\w.])\/work\//m, why: "a path of somebody's machine" },
  { pattern: /\/tmp\/bash_jobs|\.library\//, why: "a path of somebody's machine" },
  { pattern: /https?:\/\/(?:registry|deb)\./, why: 'the address of a package registry' },
];

/** What a TypeScript or JavaScript file says that it must not, in words. */
export function codeFaults(text: string): string[] {
  const code = text.replaceAll(COMMENT_OR_STRING, ' ');
  return IN_CODE.filter((rule) => rule.pattern.test(rule.code ? code : text)).map((rule) => rule.why);
}

/** What a file of any kind says that it must not, in words. */
export function textFaults(text: string): string[] {
  return ANYWHERE.filter((rule) => rule.pattern.test(text)).map((rule) => rule.why);
}

/** Targets of the links in a Markdown text that point into the project, without their anchors. */
export function localLinks(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)#\s]+)(?:#[^)\s]*)?\)|^\[[^\]]+\]: ([^#\s]+)/gm)]
    .map((match) => match[1] ?? match[2])
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** Names in square brackets in a Markdown text that no link target stands for, and targets that no name asks for. */
export function danglingReferences(markdown: string): string[] {
  const defined = new Set([...markdown.matchAll(/^\[([^\]]+)\]: /gm)].map((match) => match[1]));
  const used = new Set([...markdown.matchAll(/\[([^\]]+)\](?![(:])/g)].map((match) => match[1]));
  return [...used, ...defined].filter((name) => !(used.has(name) && defined.has(name)));
}

/** The rules between the rooms of `src/`, as functions over source text, so that they can be tested themselves. */
import { posix } from 'node:path';

/** A folder of `src/` with a job of its own, see docs/architecture.md. */
export interface Room {
  /** Below `src/`, e.g. `bgp/messages`. */
  readonly folder: string;
  /** Whether its code is free of side effects. */
  readonly pure: boolean;
  /** Folders it may import from besides itself, or 'everything'. */
  readonly mayImport: readonly string[] | 'everything';
}

const STRING_OR_COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g;
const IMPORT = /\b(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g;
const SIDE_EFFECT =
  /(?<![.\w])(?:Date\.now|new Date\b|performance\.now|Math\.random|setTimeout|setInterval|setImmediate|(?:process|console)\s*[.[])/g;

/** Modules of Node that are functions over their arguments, as hashes are. */
const PURE_MODULES = ['node:crypto'];

/**
 * The rooms that a document's table of them gives: rows of folder, contents, `pure` or `shell`, and what may be imported.
 */
export function parseRooms(markdown: string): Room[] {
  const row = /^\| `([\w/-]+)` \|[^|]*\| (pure|shell) \| ([^|]+) \|$/gm;
  return [...markdown.matchAll(row)].map(([, folder, kind, imports]) => ({
    folder,
    pure: kind === 'pure',
    mayImport: imports === 'everything' ? imports : [...imports.matchAll(/`([\w/-]+)`/g)].map((match) => match[1]),
  }));
}

/** The room a file is in; `path` is relative to `src/`. */
export function roomOf(rooms: readonly Room[], path: string): Room | undefined {
  return rooms.find((room) => path.startsWith(`${room.folder}/`));
}

/** What a source file imports, as written. */
function importsOf(source: string): string[] {
  const code = source.replaceAll(STRING_OR_COMMENT, (text) => (text.startsWith('/') ? ' ' : text));
  return [...code.matchAll(IMPORT)].map((match) => match[1] ?? match[2]);
}

/** Imports of the file at `path` (relative to `src/`) that its room does not allow, in words. */
export function forbiddenImports(rooms: readonly Room[], path: string, source: string): string[] {
  const room = roomOf(rooms, path);
  if (!room) return [`${path} is in no room of docs/architecture.md`];
  const faults: string[] = [];
  for (const specifier of importsOf(source)) {
    if (specifier.startsWith('node:') && room.pure && !PURE_MODULES.includes(specifier)) {
      faults.push(`${path} imports ${specifier}, and ${room.folder} is pure`);
    }
    if (!specifier.startsWith('.')) continue;
    const target = posix.join(posix.dirname(path), specifier);
    const other = roomOf(rooms, target)?.folder ?? target;
    const allowed = other === room.folder || room.mayImport === 'everything' || room.mayImport.includes(other);
    if (!allowed) faults.push(`${path} imports ${specifier}, and ${room.folder} may not import ${other}`);
  }
  return faults;
}

/** Uses of clocks, timers, randomness, process and console in the file of a pure room, in words. */
export function sideEffects(rooms: readonly Room[], path: string, source: string): string[] {
  if (roomOf(rooms, path)?.pure !== true) return [];
  const code = source.replaceAll(STRING_OR_COMMENT, ' ');
  return [...code.matchAll(SIDE_EFFECT)].map((match) => `${path} uses ${match[0]}, and its room is pure`);
}

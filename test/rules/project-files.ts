/** The project's own files, for the tests that hold rules over all of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The project's root folder. */
const ROOT = join(import.meta.dirname, '../..');
/** Made by an installation or a build, not written. */
const NOT_OURS = new Set(['node_modules', 'dist', 'package-lock.json']);

/** A text file of the project. */
export interface ProjectFile {
  /** Relative to the project's root. */
  readonly path: string;
  readonly text: string;
}

/** Every file below a folder of the project, `.` for all of it. */
export function projectFiles(folder: string): ProjectFile[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (NOT_OURS.has(entry.name)) return [];
    // Folders that begin with a dot belong to git, editors and caches, except one.
    if (entry.isDirectory()) return entry.name.startsWith('.') && entry.name !== '.ci' ? [] : projectFiles(path);
    return entry.isFile() ? [{ path: relative('.', path), text: readFileSync(join(ROOT, path), 'utf8') }] : [];
  });
}

/** Directories for one test's files. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of its own, removed on disposal. */
export interface Scratch extends Disposable {
  readonly path: string;
  /** Writes a file into it and returns the file's path. */
  write(name: string, text: string | Uint8Array): string;
}

const existing = new Set<string>();
process.once('exit', () => {
  for (const path of existing) rmSync(path, { recursive: true, force: true });
});

/** Makes an empty directory that every user can read, as some daemons drop root's rights. */
export function createScratch(label: string): Scratch {
  const path = mkdtempSync(join(tmpdir(), `starling-${label}-`));
  chmodSync(path, 0o755);
  existing.add(path);
  return {
    path,
    write(name, text) {
      const file = join(path, name);
      writeFileSync(file, text);
      return file;
    },
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true });
      existing.delete(path);
    },
  };
}

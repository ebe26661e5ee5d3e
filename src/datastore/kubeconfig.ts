/** Reads kubeconfig files. They hold tokens and keys, so nothing of them is quoted where they are wrong. */
import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { DatastoreError, reasonOf } from './datastore-error.ts';

/** What a file says. Throws {@link DatastoreError} where it can't be read, or is no YAML. */
export function readKubeconfig(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new DatastoreError(`${path} can't be read: ${reasonOf(error)}`, { cause: error });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new DatastoreError(`${path}:${line}:${col}: is not the YAML of a kubeconfig file`);
  }
  try {
    return document.toJS();
  } catch {
    // An alias without anchor, or aliases that multiply.
    throw new DatastoreError(`${path}: is not the YAML of a kubeconfig file`);
  }
}

/** Reads resources once, for `starling config validate`. */
import type { AnyResource } from '../resources/kinds.ts';
import { contentsOf } from './contents.ts';
import type { SourcedProblem } from './datastore.ts';
import { ManifestTree } from './manifest-tree.ts';

/**
 * All resources in the file or below the directory `path`, and what is wrong with them. Throws `DatastoreError` where
 * there is nothing at the path.
 */
export async function loadResources(
  path: string,
): Promise<{ resources: readonly AnyResource[]; problems: readonly SourcedProblem[] }> {
  const { resources, problems } = contentsOf(await new ManifestTree(path).read(() => {}));
  return { resources: [...resources.values()], problems };
}

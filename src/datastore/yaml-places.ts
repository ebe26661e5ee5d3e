/** Where in a YAML document a value stands, and how its path is written. */
import { isMap, isNode, isScalar, isSeq } from 'yaml';

export type Path = readonly (string | number)[];

/** A path as people write it: `spec.importV4[0].cidr`, `metadata.annotations["projectcalico.org/ASNumber"]`. */
export function formatPath(path: Path): string {
  return path
    .map((step, i) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^\w+$/.test(step)) return `["${step}"]`;
      return i === 0 ? step : `.${step}`;
    })
    .join('');
}

/** Offset of the node at `path`, or of the deepest one above it that is there; a field is where its name stands. */
export function offsetOf(contents: unknown, path: Path): number {
  let node = contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

/** The packet filter of the kernel, in the network namespace of a test, and who speaks with it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

/** What nft answers. Throws where it fails. */
export function nft(...argv: string[]): string {
  return execFileSync('nft', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The table of this name as the kernel lists it, without what is not told: handles, order, its name. */
export function nftTable(name: string): unknown[] {
  const { nftables } = JSON.parse(nft('-j', 'list', 'table', 'inet', name)) as { nftables: object[] };
  const texts = nftables.map((object) =>
    JSON.stringify(object, (key, value: unknown) => {
      if (key === 'handle' || key === 'table' || key === 'metainfo') return undefined;
      if (key === 'elem' && Array.isArray(value)) return value.map((item) => JSON.stringify(item)).toSorted();
      return value;
    }),
  );
  // Rules of a chain stand in their order, and are of one chain after the other.
  const rules = texts.filter((text) => text.startsWith('{"rule"'));
  const chainOf = (text: string) => /"chain":"([^"]*)"/.exec(text)?.[1] ?? '';
  return [
    ...texts.filter((text) => !text.startsWith('{"rule"') && !text.startsWith('{"table"')).toSorted(),
    ...rules.toSorted((a, b) => (chainOf(a) < chainOf(b) ? -1 : Number(chainOf(a) > chainOf(b)))),
  ];
}

/** The ids of the nft processes that this process started. */
export function nftChildren(): number[] {
  return readdirSync('/proc/self/task')
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'nft\n';
      } catch {
        // It ended meanwhile.
        return false;
      }
    });
}

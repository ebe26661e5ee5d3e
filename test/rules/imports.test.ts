/** Holds the rules between the rooms of `src/` that docs/architecture.md states in its table. */
import { describe, expect, it } from 'vitest';
import { projectFiles } from './project-files.ts';
import { forbiddenImports, parseRooms, roomOf, sideEffects } from './source-rules.ts';

const [architecture] = projectFiles('docs').filter((file) => file.path === 'docs/architecture.md');
const rooms = parseRooms(architecture.text);
const sources = projectFiles('src')
  .filter((file) => file.path.endsWith('.ts') && !file.path.endsWith('.test.ts'))
  .map((file) => ({ path: file.path.slice('src/'.length), text: file.text }));

describe('the rooms of src', () => {
  it('each have a row in docs/architecture.md, and each row a folder', () => {
    const used = new Set(sources.map((file) => roomOf(rooms, file.path)?.folder ?? file.path));
    expect([...used].toSorted()).toEqual(rooms.map((room) => room.folder).toSorted());
  });

  it('import only what their row allows', () => {
    expect(sources.flatMap((file) => forbiddenImports(rooms, file.path, file.text))).toEqual([]);
  });

  it('have no side effects where they are pure', () => {
    expect(sources.flatMap((file) => sideEffects(rooms, file.path, file.text))).toEqual([]);
  });
});

describe('the check itself', () => {
  const table = [
    '| `net` | numbers | pure | nothing |',
    '| `bgp/messages` | the wire | pure | `net` |',
    '| `bgp/fsm` | states | pure | `net`, `bgp/messages` |',
    '| `daemon` | all | shell | everything |',
  ].join('\n');
  const some = parseRooms(table);

  it('reads the table', () => {
    expect(some).toEqual([
      { folder: 'net', pure: true, mayImport: [] },
      { folder: 'bgp/messages', pure: true, mayImport: ['net'] },
      { folder: 'bgp/fsm', pure: true, mayImport: ['net', 'bgp/messages'] },
      { folder: 'daemon', pure: false, mayImport: 'everything' },
    ]);
  });

  it.each([
    ["import { a } from '../../net/a.ts';", 0],
    ["import type { a } from '../messages/a.ts';", 0],
    ["import { a } from './a.ts';", 0],
    ["import { a } from 'ip-address';", 0],
    ["// import { a } from '../session/a.ts';", 0],
    ["import type { a } from '../session/a.ts';", 1],
    ["import {\n  a,\n  b,\n} from '../../daemon/a.ts';", 1],
    ["export * from '../../daemon/a.ts';", 1],
    ["const a = await import('../../daemon/a.ts');", 1],
    ["import '../../daemon/a.ts';", 1],
    ["import net from 'node:net';", 1],
  ])('judges %s', (source, faults) => {
    expect(forbiddenImports(some, 'bgp/fsm/machine.ts', source)).toHaveLength(faults);
  });

  it('lets the composition root import anything, and nobody stand outside of the rooms', () => {
    expect(forbiddenImports(some, 'daemon/main.ts', "import '../net/a.ts'; import 'node:fs';")).toEqual([]);
    expect(forbiddenImports(some, 'util.ts', '')).toEqual(['util.ts is in no room of docs/architecture.md']);
  });

  it.each([
    ['const now = Date.now();', 1],
    ['const at = new Date();', 1],
    ['setTimeout(f, 1); setInterval(f, 1);', 2],
    ["if (process.env['A']) console.log(1);", 2],
    ['const jitter = Math.random();', 1],
    ['this.process(input); neighbour.setTimeout();', 0],
    ['/** The process. Uses no Date.now. */ // setTimeout', 0],
    ["throw new Error('no console.log here');", 0],
    ['function processUpdate(process: number) { return process + 1; }', 0],
  ])('sees the side effects in %s', (source, faults) => {
    expect(sideEffects(some, 'net/a.ts', source)).toHaveLength(faults);
    expect(sideEffects(some, 'daemon/a.ts', source)).toEqual([]);
  });
});

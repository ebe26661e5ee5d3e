/** When elements came into the sets of a namespace's nftables, as the kernel announces them. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace } from '../../test/support/namespaces.ts';
import { run } from '../../test/support/processes.ts';

/** An address or the name of an interface. */
const MEMBER = /(?:\d+\.){3}\d+|cali\w+/g;

/** A member of a set that is made only to hear of it. */
const PROBE = '192.0.2.1';

export class KernelWatch implements Disposable {
  readonly #space: Namespace;
  readonly #child: ChildProcess;
  /** The first announcement of each member that was asked for. */
  readonly #awaited = new Map<string, (at: number) => void>();
  #rest = '';
  /** Whether nft could not follow the kernel. */
  #hasLost = false;
  #statements: string[] = [];

  readonly #keeps: boolean;

  /** Resolves when announcements come. `keeps`: whether {@link takeStatements} is asked. */
  static async start(space: Namespace, keeps: boolean): Promise<KernelWatch> {
    const watch = new KernelWatch(space, keeps);
    const nft = (...argv: string[]) => run(['nft', ...argv], { space });
    await nft('add table ip bench; add set ip bench probe { type ipv4_addr; }');
    const seen = watch.next(PROBE, 60_000);
    seen.catch(() => watch[Symbol.dispose]());
    // It begins by reading all sets, and begins anew where something changes meanwhile.
    for (let pause = 250; watch.#awaited.has(PROBE); pause *= 2) {
      await sleep(pause);
      await nft(`add element ip bench probe { ${PROBE} }; delete element ip bench probe { ${PROBE} }`);
    }
    await seen;
    await nft('delete table ip bench');
    return watch;
  }

  private constructor(space: Namespace, keeps: boolean) {
    this.#space = space;
    this.#keeps = keeps;
    const argv = [
      `--net=/run/netns/${space.name}`,
      'setpriv',
      '--pdeathsig',
      'KILL',
      'nft',
      'monitor',
      'new',
      'elements',
    ];
    this.#child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }

  /** All statements that would add what was announced since the last call. */
  takeStatements(): string {
    const statements = this.#statements.join('\n');
    this.#statements = [];
    return statements;
  }

  /** When the member is announced next, in milliseconds as `performance.now` counts them; rejects where that takes too long. */
  next(member: string, timeoutMs = 20_000): Promise<number> {
    return new Promise((resolve, reject) => {
      const late = () => {
        this.#awaited.delete(member);
        const hasIt = (rules: string) => (rules.includes(member) ? 'has it all the same' : 'does not have it');
        const why = this.#hasLost ? ' (nft lost some of what it says)' : '';
        const words = `the kernel does not say that it has ${member}${why}`;
        run(['nft', 'list', 'ruleset'], { space: this.#space }).then(
          (rules) => reject(new Error(`${words}, and ${hasIt(rules)}`)),
          reject,
        );
      };
      const timer = setTimeout(late, timeoutMs);
      this.#awaited.set(member, (at) => {
        clearTimeout(timer);
        resolve(at);
      });
    });
  }

  #hear(text: string): void {
    const at = performance.now();
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      this.#hasLost ||= line.includes('lost some netlink events');
      if (!line.startsWith('add element')) continue;
      if (this.#keeps) this.#statements.push(line);
      for (const [member] of line.matchAll(MEMBER)) {
        this.#awaited.get(member)?.(at);
        this.#awaited.delete(member);
      }
    }
  }
}

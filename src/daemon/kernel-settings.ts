/** The kernel's settings that forwarding needs: checked, and set where the configuration asks for it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { checkSysctls, setSysctl } from '../fib/sysctls.ts';
import type { SysctlIssue } from '../fib/sysctls.ts';
import type { Family } from '../net/family.ts';
import type { Config } from '../process/config.ts';
import type { EventLog } from '../process/event-log.ts';

/** Files of /proc/sys, so that tests can do without. */
export interface SysctlFiles {
  /** Throws where there is no such file. */
  read(path: string): string;
  write(path: string, text: string): void;
}

const PROC: SysctlFiles = {
  read: (path) => readFileSync(path, 'utf8'),
  write: (path, text) => writeFileSync(path, text),
};

export class KernelSettings {
  private readonly events: EventLog;
  private readonly files: SysctlFiles;
  private families: ReadonlySet<Family> = new Set();
  private mode: Config['fib']['sysctl'];
  /** Settings that were told of, or set, once: what somebody changes back stays so, and is a problem. */
  private readonly seen = new Set<string>();
  /** Why a setting can't be set, by its name. */
  private readonly failures = new Map<string, string>();

  constructor(mode: Config['fib']['sysctl'], events: EventLog, files: SysctlFiles = PROC) {
    this.mode = mode;
    this.events = events;
    this.files = files;
  }

  /** Checks what these families need; with `manage` sets what is not as it should be. */
  apply(families: ReadonlySet<Family>): void {
    this.families = families;
    for (const issue of this.check()) {
      if (this.seen.has(issue.name)) continue;
      this.seen.add(issue.name);
      if (this.mode === 'manage') this.set(issue);
      else this.events.add('fib', issue.name, issue.message, 'warn');
    }
  }

  /** Takes another mode; with `manage` everything may be set once more. */
  change(mode: Config['fib']['sysctl']): void {
    this.mode = mode;
    this.seen.clear();
    this.failures.clear();
    this.apply(this.families);
  }

  /** What is not as it should be now, a sentence each. */
  get problems(): string[] {
    return this.check().map(({ name, message }) => {
      const failure = this.failures.get(name);
      return failure === undefined ? message : `${message} (setting it failed: ${failure})`;
    });
  }

  private check(): SysctlIssue[] {
    return checkSysctls(this.families, (path) => this.files.read(path));
  }

  private set(issue: SysctlIssue): void {
    try {
      this.events.add(
        'fib',
        issue.name,
        setSysctl(issue, (path, text) => this.files.write(path, text)),
      );
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.failures.set(issue.name, why);
      this.events.add('fib', issue.name, `${issue.message}; setting it failed: ${why}`, 'error');
    }
  }
}

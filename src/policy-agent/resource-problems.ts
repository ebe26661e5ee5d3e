/** What is wrong with resources: told as events when it is new, and at the objects where people look at them. */
import type { DatastoreWriter, SourcedProblem } from '../datastore/datastore.ts';
import { sourcedProblem } from '../datastore/sourced-problem.ts';
import type { PolicyProblem } from '../policy/problem.ts';
import { ProblemReports, problemWords } from '../process/problem-reports.ts';

/** How soon after a change problems are looked for, in milliseconds: it costs as much as there are problems. */
const LOOK_INTERVAL = 500;

/** Kinds of which warnings are told at the object, too: what of a policy has no effect, its author has to know. */
const POLICIES: ReadonlySet<string | undefined> = new Set([
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'KubernetesNetworkPolicy',
  'Profile',
]);

export interface ResourceProblemsOptions {
  /** All that the datastore and the index have now. */
  readonly ofDatastore: () => readonly SourcedProblem[];
  readonly ofPolicies: () => readonly PolicyProblem[];
  readonly writer: () => DatastoreWriter | undefined;
  /** Called with a problem that was not there before. */
  readonly found: (problem: SourcedProblem) => void;
  /** Called with what keeps a problem from being told at its object. */
  readonly failed: (error: unknown) => void;
}

export class ResourceProblems {
  private readonly options: ResourceProblemsOptions;
  private readonly reports: ProblemReports;
  private known: readonly SourcedProblem[] = [];
  /** Set while they may be others. */
  private timer: NodeJS.Timeout | undefined;

  constructor(options: ResourceProblemsOptions) {
    this.options = options;
    this.reports = new ProblemReports(options.writer, options.failed);
  }

  /** They may be others; what is new is told soon. */
  changed(): void {
    this.timer ??= setTimeout(() => this.look(), LOOK_INTERVAL).unref();
  }

  /** All that there are now. */
  get all(): readonly SourcedProblem[] {
    if (this.timer !== undefined) this.look();
    return this.known;
  }

  /** With their places. */
  get words(): readonly string[] {
    return this.all.map(problemWords);
  }

  /** How many resources, or parts of them, can't count as they are written. */
  get invalid(): number {
    return this.all.filter(({ severity }) => severity === 'error').length;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.reports.stop();
  }

  private look(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const before = new Set(this.known.map(problemWords));
    this.known = [...this.options.ofDatastore(), ...this.options.ofPolicies().map(policyProblem)];
    for (const problem of this.known) {
      if (before.has(problemWords(problem))) continue;
      this.options.found(problem);
      if (problem.severity === 'error' || POLICIES.has(problem.kind)) this.reports.add(problem);
    }
  }
}

/** The object is the place: where it was read from is not known any more. */
export function policyProblem(problem: PolicyProblem): SourcedProblem {
  const { kind, namespace, name } = problem;
  const place = namespace === undefined ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;
  return sourcedProblem(place, { kind, name, namespace }, problem);
}

/** What is wrong with resources: told as events when it is new, and at the objects where people look at them. */
import type { DatastoreWriter, SourcedProblem } from '../datastore/datastore.ts';
import { sourcedProblem } from '../datastore/sourced-problem.ts';
import type { PolicyProblem } from '../policy/problem.ts';
import { ProblemReports, problemWords } from '../process/problem-reports.ts';

export interface ResourceProblemsOptions {
  readonly writer: () => DatastoreWriter | undefined;
  /** Called with a problem that was not there before, and with whatever keeps it from being told at the object. */
  readonly found: (problem: SourcedProblem) => void;
  readonly failed: (error: unknown) => void;
}

export class ResourceProblems {
  private readonly options: ResourceProblemsOptions;
  private readonly reports: ProblemReports;
  private ofDatastore: readonly SourcedProblem[] = [];
  private ofPolicies: readonly PolicyProblem[] = [];
  /** All that there are now. */
  all: readonly SourcedProblem[] = [];

  constructor(options: ResourceProblemsOptions) {
    this.options = options;
    this.reports = new ProblemReports(options.writer, options.failed);
  }

  /** All that there are; lists that are those of the last call cost nothing. */
  take(ofDatastore: readonly SourcedProblem[], ofPolicies: readonly PolicyProblem[]): void {
    if (ofDatastore === this.ofDatastore && ofPolicies === this.ofPolicies) return;
    this.ofDatastore = ofDatastore;
    this.ofPolicies = ofPolicies;
    const before = new Set(this.all.map(problemWords));
    this.all = [...ofDatastore, ...ofPolicies.map(placed)];
    for (const problem of this.all) {
      if (before.has(problemWords(problem))) continue;
      this.options.found(problem);
      this.reports.add(problem);
    }
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
    this.reports.stop();
  }
}

/** The object is the place: where it was read from is not known any more. */
function placed(problem: PolicyProblem): SourcedProblem {
  const { kind, namespace, name } = problem;
  const place = namespace === undefined ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;
  return sourcedProblem(place, { kind, name, namespace }, problem);
}

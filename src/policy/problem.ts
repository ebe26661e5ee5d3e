/** What is wrong with resources beyond what their own schema says. */
import type { Problem } from '../resources/resource.ts';

export interface PolicyProblem extends Problem {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** Lines of `starling events`. */
import type { ProcessEvent } from '../../api/types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';

/** Widths that most events keep to, so that lines of a stream stand below each other. */
const TYPE_WIDTH = 'advertisement'.length;
const SUBJECT_WIDTH = 20;

export function renderEvent({ time, type, subject, words }: ProcessEvent, style: Style): string {
  return `${paint(time, 'dim', style)}  ${type.padEnd(TYPE_WIDTH)}  ${subject.padEnd(SUBJECT_WIDTH)}  ${words}\n`;
}

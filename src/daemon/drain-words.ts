/** A drain in words. Pure. */
import { DRAIN_STAGES } from '../advertiser/drain.ts';
import type { DrainCause, DrainStage } from '../advertiser/drain.ts';

/** What of a drain is put into words. */
interface DrainSituation {
  readonly stage: DrainStage;
  readonly target: DrainStage;
  /** In words, see {@link causeWords}. */
  readonly causes: readonly string[];
  /** Seconds until the next stage; undefined while peers have yet to be told, or where none follows. */
  readonly seconds: number | undefined;
}

const STAGE_WORDS: Readonly<Record<DrainStage, string>> = {
  serving: 'the node serves',
  'graceful-shutdown': 'every route is told with GRACEFUL_SHUTDOWN (RFC 8326)',
  'services-withdrawn': 'services are withdrawn, pods are told with GRACEFUL_SHUTDOWN',
  withdrawn: 'services and pods are withdrawn',
};

/** What the stage that follows does, going on. */
const NEXT_WORDS: Readonly<Record<DrainStage, string>> = {
  serving: '',
  'graceful-shutdown': 'every route is told with GRACEFUL_SHUTDOWN',
  'services-withdrawn': 'services are withdrawn',
  withdrawn: 'pods are withdrawn',
};

/** What the stage that follows does, coming back. */
const BACK_WORDS: Readonly<Record<DrainStage, string>> = {
  serving: 'GRACEFUL_SHUTDOWN is taken off',
  'graceful-shutdown': 'services are told again',
  'services-withdrawn': 'pods are told again',
  withdrawn: '',
};

const CAUSE_WORDS: Readonly<Record<DrainCause, string>> = {
  stopping: 'the daemon is being stopped',
  command: '`starling drain` said so',
  outOfService: 'the node has the taint node.kubernetes.io/out-of-service',
  cordoned: 'the node is cordoned',
  networkUnavailable: 'the node has the condition NetworkUnavailable',
};

/** Why, as it follows "because"; `message` is that of the command. */
export function causeWords(cause: DrainCause, message: string | undefined): string {
  const words = CAUSE_WORDS[cause];
  return cause === 'command' && message !== undefined ? `${words} ("${message}")` : words;
}

/** One sentence, or two, that say where a drain stands. */
export function situationWords({ stage, target, causes, seconds }: DrainSituation): string {
  const why = causes.length === 0 ? '' : ` because ${causes.join(', and ')}`;
  const way = DRAIN_STAGES.indexOf(target) - DRAIN_STAGES.indexOf(stage);
  if (way === 0)
    return stage === 'serving' ? 'The node serves: nothing asks for a drain.' : `Drained${why}: ${STAGE_WORDS[stage]}.`;
  const following = DRAIN_STAGES[DRAIN_STAGES.indexOf(stage) + Math.sign(way)];
  const when = seconds === undefined ? 'when the peers were told that' : `in ${Math.ceil(seconds)} s`;
  const next = way > 0 ? NEXT_WORDS[following] : BACK_WORDS[following];
  const head = way > 0 ? `Draining${why}` : `Coming back${causes.length === 0 ? '' : ` as far as it may${why}`}`;
  return `${head}: ${STAGE_WORDS[stage]}; ${when}, ${next}.`;
}

/** A stage that begins, for an event. */
export function stageWords(stage: DrainStage, causes: readonly string[]): string {
  if (stage === 'serving') return 'drain: over, the node serves again';
  return `drain: ${STAGE_WORDS[stage]}${causes.length === 0 ? ', on the way back' : `, because ${causes.join(', and ')}`}`;
}

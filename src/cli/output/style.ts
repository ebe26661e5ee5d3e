/** How answers are shown. */
import { styleText } from 'node:util';
import type { CommandContext } from '../command.ts';

export interface Style {
  readonly wide: boolean;
  readonly headers: boolean;
  readonly colour: boolean;
}

export type Colour = 'green' | 'red' | 'yellow' | 'dim' | 'bold';

/** The style that the options, the environment and the terminal ask for. */
export function styleOf({ options, io }: Pick<CommandContext, 'options' | 'io'>): Style {
  // https://no-color.org: present and not empty, whatever its value.
  const noColour = (io.environment.NO_COLOR ?? '') !== '';
  return {
    wide: options.output === 'wide',
    headers: options.headers ?? true,
    colour: io.isTerminal && !noColour && io.environment.TERM !== 'dumb',
  };
}

/** The text in a colour, where colours are wanted. */
export function paint(text: string, colour: Colour | undefined, style: Style): string {
  return colour === undefined || !style.colour ? text : styleText(colour, text, { validateStream: false });
}

import type { CommandContext } from '../command.ts';

/** `starling completion SHELL` */
export async function printCompletion({ io, arguments: [shell] }: CommandContext): Promise<number> {
  await io.write(await scriptFor(shell));
  return 0;
}

async function scriptFor(shell: string): Promise<string> {
  if (shell === 'zsh') return (await import('../completion/zsh.ts')).zshScript();
  if (shell === 'fish') return (await import('../completion/fish.ts')).fishScript();
  return (await import('../completion/bash.ts')).bashScript();
}

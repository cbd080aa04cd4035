import { fileURLToPath } from 'node:url';
import { buildCommand } from '@stricli/core';

const SHELLS = ['bash', 'zsh'] as const;

type Shell = (typeof SHELLS)[number];

/** A word of a shell, whatever is in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Completes words of `foretoken`, which is made a function where there is no such program. */
function script(shell: Shell, main: string): string {
  const start = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
  return `${start}type foretoken >/dev/null 2>&1 || foretoken() { node ${quoted(main)} "$@"; }
_foretoken() {
  local IFS=$'\\n'
  COMPREPLY=($(foretoken complete-words "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _foretoken foretoken
`;
}

export const completionCommand = buildCommand<Record<never, never>, [Shell]>({
  func(this: void, _flags, shell) {
    process.stdout.write(script(shell, fileURLToPath(new URL('./main.js', import.meta.url))));
  },
  docs: {
    brief: 'Print what makes bash or zsh complete commands, flags and settings',
    fullDescription:
      'Prints a script for the shell. In a clone of the repository, source <(npm run -s foretoken -- completion bash) also defines foretoken as a command of this shell; put the line into ~/.bashrc to keep it.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          placeholder: 'shell',
          brief: SHELLS.join(' or '),
          parse: (text: string): Shell => {
            const shell = SHELLS.find((each) => each === text);
            if (shell !== undefined) return shell;
            throw new Error(`value: expected one of ${SHELLS.join(', ')}, got ${JSON.stringify(text)}.`);
          },
        },
      ],
    },
  },
});

import { isGroup, UsageError, type Command, type Commands } from './command.ts';
import { print } from './screen.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

interface Word {
  word: string;
  summary: string;
}

/** What may follow each beginning: '' and a group have commands, a command has options. */
function follows(commands: Commands): Map<string, Word[]> {
  const map = new Map<string, Word[]>([['', []]]);
  const add = (before: string, word: string, summary: string) => {
    map.set(before, [...(map.get(before) ?? []), { word, summary }]);
  };
  const options = (path: string, command: Command) => {
    for (const [name, { summary }] of Object.entries(command.options ?? {})) add(path, `--${name}`, summary);
    add(path, '--help', 'its help');
  };
  for (const [name, entry] of Object.entries(commands)) {
    if (isGroup(entry)) {
      add('', name, entry.summary);
      for (const [verb, command] of Object.entries(entry.commands)) {
        add(name, verb, command.summary);
        options(`${name} ${verb}`, command);
      }
    } else {
      add('', name, entry.summary);
      options(name, entry);
    }
  }
  add('', 'help', 'every command in a line');
  for (const shell of shells) add('completion', shell, `for ${shell}`);
  return map;
}

const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** The names of groups: the beginning is the first two words. A command of no group has options after one. */
const groups = (map: Map<string, Word[]>) =>
  [...new Set([...map.keys()].filter((path) => path.includes(' ')).map((path) => path.split(' ')[0]))].join('|');

const bash = (map: Map<string, Word[]>) => `# holdfast completion bash: source <(holdfast completion bash)
_holdfast() {
  local words='' current=\${COMP_WORDS[COMP_CWORD]} before=''
  [ "$COMP_CWORD" -gt 1 ] && before=\${COMP_WORDS[1]}
  case $before in ${groups(map)})
    [ "$COMP_CWORD" -gt 2 ] && before="$before \${COMP_WORDS[2]}" ;;
  esac
  case $before in
${[...map].map(([path, words]) => `    ${quoted(path)}) words=${quoted(words.map(({ word }) => word).join(' '))} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _holdfast holdfast
`;

const zsh = (map: Map<string, Word[]>) => `#compdef holdfast
# holdfast completion zsh > "\${fpath[1]}/_holdfast"
_holdfast() {
  local -a entries
  local before=''
  (( CURRENT > 2 )) && before=$words[2]
  (( CURRENT > 3 )) && [[ $before == (${groups(map)}) ]] && before="$before $words[3]"
  case $before in
${[...map].map(([path, words]) => `    ${quoted(path)}) entries=(${words.map(({ word, summary }) => quoted(`${word}:${summary.replaceAll(':', String.raw`\:`)}`)).join(' ')}) ;;`).join('\n')}
  esac
  _describe holdfast entries || _files
}
compdef _holdfast holdfast
`;

function fish(map: Map<string, Word[]>): string {
  const lines = [...map].flatMap(([path, words]) => {
    const seen = path.split(' ').filter(Boolean);
    const others = (map.get(path) ?? []).map(({ word }) => word).filter((word) => !word.startsWith('-'));
    const conditions = [
      ...(path === '' ? ['__fish_use_subcommand'] : seen.map((word) => `__fish_seen_subcommand_from ${word}`)),
      ...(path !== '' && others.length > 0 ? [`not __fish_seen_subcommand_from ${others.join(' ')}`] : []),
    ];
    return words.map(({ word, summary }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c holdfast -n ${quoted(conditions.join('; and '))} ${what} -d ${quoted(summary)}`;
    });
  });
  return `# holdfast completion fish > ~/.config/fish/completions/holdfast.fish\n${lines.join('\n')}\n`;
}

const scripts: Record<string, (map: Map<string, Word[]>) => string> = { bash, zsh, fish };

export const completion: Command = {
  args: '<shell>',
  summary: 'the completion script for bash, zsh or fish',
  more: "Once, for bash:  echo 'source <(holdfast completion bash)' >> ~/.bashrc",
  run: async ({ args: [shell = ''], commands }) => {
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (!script) throw new UsageError(`'holdfast completion' needs one of: ${shells.join(', ')}.`);
    await print(script(follows(commands)));
    return 0;
  },
};

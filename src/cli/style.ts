// Colours, where somebody looks: on a terminal, unless NO_COLOR is set (https://no-color.org).
const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
} as const;

export type Style = (name: keyof typeof codes, text: string) => string;

export function styleFor(isTerminal: boolean, environment: NodeJS.ProcessEnv): Style {
  const { NO_COLOR = '', TERM = '' } = environment;
  if (!isTerminal || NO_COLOR !== '' || TERM === 'dumb') return (_, text) => text;
  return (name, text) => {
    const [on, off] = codes[name];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  };
}

import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colour where there is a terminal that wants it: NO_COLOR and pipes get plain text. */
export const paint = (style: Style, text: string) => styleText(style, text, { stream: process.stdout });

export const count = (n: number) => n.toLocaleString('en-US');

/** One part of the terminal that is drawn over and over in its place; elsewhere, nothing is drawn. */
export class Screen {
  readonly live: boolean;
  #height = 0;

  constructor() {
    const { isTTY, columns, rows } = process.stdout;
    this.live = isTTY && columns >= 80 && rows >= 24 && process.env['TERM'] !== 'dumb';
  }

  /** Draws lines over those drawn before. They must fit: a line that wraps would spoil the count. */
  draw(lines: string[]): void {
    if (!this.live) return;
    const up = this.#height > 0 ? `\u001b[${this.#height}A` : '\u001b[?25l';
    process.stdout.write(`${up}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    this.#height = lines.length;
  }

  /** Wipes what was drawn and shows the cursor again. */
  clear(): void {
    if (this.#height > 0) process.stdout.write(`\u001b[${this.#height}A\u001b[J\u001b[?25h`);
    this.#height = 0;
  }
}

/** The part of a whole as a bar. */
export function bar(part: number, whole: number, width: number): string {
  const full = whole > 0 ? Math.round((part / whole) * width) : 0;
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** The newest values as columns, the highest as a full one. */
export function sparkline(values: number[], width: number): string {
  const shown = values.slice(-width);
  const top = Math.max(...shown, 1);
  return shown
    .map((value) => (value === 0 ? '·' : '▁▂▃▄▅▆▇█'.charAt(Math.min(7, Math.floor((value / top) * 8)))))
    .join('');
}

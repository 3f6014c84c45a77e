import { curl } from './curl.ts';
import type { TestHome } from './daemon.ts';

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** What /v1/metrics answers, read. */
export class Scrape {
  readonly text: string;
  readonly samples: Sample[];

  constructor(text: string) {
    this.text = text;
    this.samples = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [, name = '', , labels = '', value = ''] = /^(\w+)({(.*)})? (\S+)$/.exec(line) ?? [];
        if (name === '') throw new Error(`no sample: ${line}`);
        const pairs = Array.from(labels.matchAll(/(\w+)="([^"]*)"/g), ([, key = '', text_ = '']) => [key, text_]);
        return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
      });
  }

  static async of(socket: string): Promise<Scrape> {
    const { status, text } = await curl(socket, 'GET', '/v1/metrics');
    if (status !== 200) throw new Error(`metrics answered ${status}: ${text}`);
    return new Scrape(text);
  }

  /** The sum of the samples that have these labels; undefined when none does. */
  value(name: string, labels: Record<string, string> = {}): number | undefined {
    const found = this.samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }

  get names(): Set<string> {
    return new Set(this.samples.map(({ name }) => name));
  }
}

/** How many calls a daemon has begun and not answered yet, those that wait included. */
export const underWay = async ({ paths }: TestHome): Promise<number> =>
  // Less the question itself.
  ((await Scrape.of(paths.socket)).value('holdfast_requests_under_way') ?? 0) - 1;

import { connect, HoldfastError } from '../../client/index.ts';
import { configManager } from '../helpers/adapters/inkwell-config.ts';
import { costTracker } from '../helpers/adapters/inkwell-costs.ts';
import { interviewManager } from '../helpers/adapters/inkwell-interviews.ts';

// One of several processes of Inkwell, of which its argument is the number. It tracks 50 costs that are all equal, adds feeds
// of its own and feeds that all of them add, enables plugins, and answers questions of two interviews that all of them are
// in. Reports what it was told is stored.

export interface InkwellReport {
  feeds: string[];
  shared: string[];
  plugins: string[];
  exchanges: string[];
}

const [, , worker = ''] = process.argv;
await using client = connect({ app: 'inkwell', deadlineMs: 90_000 });
const config = configManager(client);
const costs = costTracker(client);
const interviews = interviewManager(client);
const report: InkwellReport = { feeds: [], shared: [], plugins: [], exchanges: [] };
const feed = { url: 'https://example.org/feed.xml', auth: { type: 'none' }, custom_templates: ['summary'] } as const;

for (let n = 0; n < 50; n++) {
  await costs.track({
    provider: 'gemini',
    model: 'gemini-flash',
    operation: 'transcription',
    input_tokens: 10,
    output_tokens: 1,
    cost_usd: 0.001,
  });
  if (n % 5 !== 0) continue;
  const own = `${worker}-${n}`;
  await config.addFeed(`feed-${own}`, { ...feed, custom_templates: [own] });
  report.feeds.push(`feed-${own}`);
  await config.enablePlugin(`plugin-${own}`);
  report.plugins.push(`plugin-${own}`);
  try {
    await config.addFeed(`shared-${n}`, { ...feed, custom_templates: [own] });
    report.shared.push(`shared-${n}`);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'exists') throw error;
  }
  const interview = `interview-${n % 2}`;
  await interviews.addExchange(interview, {
    question: { id: own, text: 'What stayed with you?', question_number: n + 1, depth_level: 0 },
    response: { question_id: own, text: `answer ${own}`, responded_at: new Date().toISOString() },
  });
  report.exchanges.push(`${interview} ${own}`);
}
process.send?.(report);
process.disconnect?.();

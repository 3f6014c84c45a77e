import { uuidv7, type Client } from '../../../client/index.ts';
import { itemsOf } from '../pages.ts';

export interface APIUsage {
  provider: string;
  model: string;
  operation: 'transcription' | 'extraction' | 'tag_generation' | 'interview';
  input_tokens: number;
  output_tokens: number;
  /** null: nobody knows, which is not zero. */
  cost_usd: number | null;
  /** ISO 8601; now when absent. */
  timestamp?: string;
  episode_title?: string;
  template_name?: string;
  /** Made when absent. A record is told from another by it alone. */
  usage_id?: string;
}

interface Filters {
  provider?: string;
  operation?: APIUsage['operation'];
}

const perUsd = 1e9;

/** Inkwell's cost tracker. */
export function costTracker(client: Client) {
  return {
    /** Answers the usage id. */
    async track({ usage_id: usageId = uuidv7(), timestamp, ...usage }: APIUsage): Promise<string> {
      await client.costs.record({
        usageId,
        provider: usage.provider,
        model: usage.model,
        operation: usage.operation,
        inputTokens: usage.input_tokens,
        outputTokens: usage.output_tokens,
        costNanoUsd: usage.cost_usd === null ? null : Math.round(usage.cost_usd * perUsd),
        metadata: { episode_title: usage.episode_title ?? null, template_name: usage.template_name ?? null },
        at: timestamp === undefined ? undefined : new Date(timestamp).toISOString(),
      });
      return usageId;
    },
    /** What was spent, in USD; operations whose cost nobody knows are counted by themselves. */
    async getSummary(filters: Filters = {}) {
      const { total, groups } = await client.costs.summary({ ...filters, by: ['provider'] });
      return {
        total_operations: total.records,
        total_input_tokens: total.inputTokens,
        total_output_tokens: total.outputTokens,
        total_cost_usd: total.knownNanoUsd / perUsd,
        unknown_cost_operations: total.unknown,
        costs_by_provider: Object.fromEntries(groups.map((one) => [one.provider, one.knownNanoUsd / perUsd])),
      };
    },
    /** The newest records first, at most 1000. */
    async getRecent(limit: number, filters: Filters = {}) {
      const records = itemsOf(await client.costs.list({ ...filters, limit }));
      return records.map(({ usageId, provider, model, operation, costNanoUsd, at }) => ({
        usage_id: usageId,
        provider,
        model,
        operation,
        cost_usd: costNanoUsd === null ? null : costNanoUsd / perUsd,
        timestamp: at,
      }));
    },
    /** Begins a new period: lists begin empty, sums still count what was spent. */
    async clear(): Promise<void> {
      for (let cursor: string | null | undefined; cursor !== null;) {
        cursor = (await client.costs.clear({ cursor })).nextCursor;
      }
    },
  };
}

import { expect, it } from 'vitest';
import * as sessions from '../../daemon/store/resources/sessions.ts';
import { TxStore } from '../helpers/tx-store.ts';

it('an export as JSON has every delivery, and no step of it holds them all', async () => {
  using store = new TxStore();
  const input = { app: 'a', id: 's' };
  const seqs = Array.from({ length: 600 }, (_, index) => index + 1);
  // The slice between has none.
  const sent = seqs.filter((seq) => seq <= 256 || seq > 512);
  const reason = 'x'.repeat(1000);
  await store.run(async (tx, address, context) => {
    await sessions.create(tx, address, context);
    await sessions.append(tx, { ...address, messages: seqs.map((seq) => ({ id: `${seq}` })) }, context);
  }, input);
  await store.run(async (tx, address, context) => {
    for (const seq of sent) {
      const one = { ...address, messageId: `${seq}`, delivery: 'failed', reason } as const;
      await sessions.setDelivery(tx, one, context);
    }
  }, input);
  const steps = await store.run((tx, asked, context) => Array.fromAsync(sessions.export(tx, asked, context)), {
    ...input,
    format: 'json',
  } as const);
  const { messages, deliveries } = JSON.parse(steps.join('')) as Record<string, { seq: number; reason: string }[]>;
  expect(messages?.map(({ seq }) => seq)).toEqual(seqs);
  expect(deliveries?.map((one) => one.seq)).toEqual(sent);
  expect(deliveries?.every((one) => one.reason === reason)).toBe(true);
  const all = sent.length * reason.length;
  expect(Math.max(...steps.map((step) => step.length))).toBeLessThan(all * 0.9);
});

import { describe, expect, it } from 'vitest';
import { createCounters, limits } from '../../daemon/metrics/counters.ts';
import { recent } from '../../daemon/metrics/recent.ts';

describe('a count of what happened lately', () => {
  it('holds what happened within its time, and forgets it afterwards', () => {
    let now = 0;
    const count = recent(60_000, () => now);
    count.add(2);
    now = 30_000;
    count.add(3);
    expect(count.sum()).toBe(5);
    now = 59_000;
    expect(count.sum()).toBe(5);
    now = 64_000;
    expect(count.sum()).toBe(3);
    now = 94_000;
    expect(count.sum()).toBe(0);
    count.add(1);
    expect(count.sum()).toBe(1);
  });

  it('keeps no more than that, though nobody asks', () => {
    let now = 0;
    const count = recent(1000, () => now);
    for (; now < 100_000; now += 10) count.add(1);
    const sum = count.sum();
    expect(sum).toBeGreaterThanOrEqual(100);
    expect(sum).toBeLessThanOrEqual(105);
  });
});

describe('what the counters say is wrong', () => {
  it('writes that fail, once they are more than one in a hundred; not what callers did wrong', () => {
    const counters = createCounters();
    for (let n = 0; n < 99; n++) counters.wrote('feeds.put', 'ok', 1);
    for (let n = 0; n < 99; n++) counters.wrote('feeds.put', 'stale', 1);
    counters.wrote('feeds.put', 'storage_full', 1);
    expect(counters.reasons()).toEqual([]);
    counters.wrote('feeds.put', 'storage_failed', 1);
    expect(counters.reasons()).toEqual([]);
    counters.wrote('feeds.put', 'busy', 1);
    expect(counters.reasons()).toEqual(['writes_failing']);
    for (let n = 0; n < 99; n++) counters.wrote('feeds.put', 'ok', 1);
    expect(counters.reasons()).toEqual([]);
  });

  it('calls that are not valid, beyond a number', () => {
    const counters = createCounters();
    for (let n = 0; n < limits.invalid; n++) counters.answered('feeds.put', 'invalid_input', 1);
    for (let n = 0; n < limits.invalid; n++) counters.answered('feeds.put', 'not_found', 1);
    expect(counters.reasons()).toEqual([]);
    counters.refused('feeds.put', 'malformed_json');
    expect(counters.reasons()).toEqual(['inputs_refused']);
  });
});

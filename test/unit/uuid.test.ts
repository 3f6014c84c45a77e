import { afterEach, describe, expect, it, vi } from 'vitest';
import { uuidv7 } from '../../shared/uuid.ts';

const timeOf = (id: string) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);

afterEach(() => vi.restoreAllMocks());

describe('uuidv7', () => {
  it('has the version, the variant and the form of RFC 9562', () => {
    for (let count = 0; count < 1000; count++) {
      expect(uuidv7()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it('makes 100,000 that differ and are sorted as text', () => {
    const ids = Array.from({ length: 100_000 }, () => uuidv7());
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.findIndex((id, index) => index > 0 && id <= (ids[index - 1] ?? ''))).toBe(-1);
  });

  // These run last: a clock set ahead stays in the module, as it would in a process.
  it('carries the milliseconds of the clock', () => {
    const later = Date.now() + 1_000_000;
    vi.spyOn(Date, 'now').mockReturnValue(later);
    expect(timeOf(uuidv7())).toBe(later);
  });

  it('grows while the clock stands still or is set back', () => {
    const later = Date.now() + 2_000_000;
    const now = vi.spyOn(Date, 'now').mockReturnValue(later);
    let last = uuidv7();
    for (const time of [later, later - 1, later - 3_600_000, 0]) {
      now.mockReturnValue(time);
      // More than one millisecond's 12 bits of sequence.
      for (let count = 0; count < 5000; count++) {
        const next = uuidv7();
        expect(next > last).toBe(true);
        last = next;
      }
    }
    // It ran ahead of the last good time only by what the sequence needed.
    expect(timeOf(last) - later).toBeLessThanOrEqual(5);
  });
});

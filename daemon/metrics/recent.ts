/** How many parts of its time a count is kept in. */
const parts = 20;

/** Counts what happened in the last `ms`, one part of it more or less. It forgets when it is asked: no timer wakes for it. */
export function recent(ms: number, now = () => performance.now()) {
  const counts = new Map<number, number>();
  const part = () => Math.floor((now() * parts) / ms);
  return {
    add(count: number): void {
      const at = part();
      counts.set(at, (counts.get(at) ?? 0) + count);
      // A part is let go for each new one, should nobody ever ask.
      if (counts.size > parts + 1) for (const oldest of counts.keys()) return void counts.delete(oldest);
    },
    sum(): number {
      const oldest = part() - parts;
      let sum = 0;
      for (const [at, count] of counts) {
        if (at < oldest) counts.delete(at);
        else sum += count;
      }
      return sum;
    },
  };
}

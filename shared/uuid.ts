// Ids land at the right edge of their index only if they grow: UUIDv4 tripled the bytes written per append.
let last = 0;
let sequence = 0;

/** A UUIDv7 (RFC 9562 5.7), monotonic within this process: 12 bits of sequence follow the milliseconds (6.2). */
export function uuidv7(): string {
  const now = Date.now();
  if (now > last) {
    last = now;
    const [random = 0] = crypto.getRandomValues(new Uint16Array(1));
    sequence = random & 0x7ff;
  } else if (++sequence > 0xfff) {
    last += 1;
    sequence = 0;
  }
  const time = last.toString(16).padStart(12, '0');
  const tail = crypto.randomUUID().slice(19);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence.toString(16).padStart(3, '0')}-${tail}`;
}

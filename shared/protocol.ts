/** Version of this package; a test holds it to package.json. */
export const version = '0.1.0';
/** Version of the wire protocol; it grows when clients need what an older daemon cannot do. A daemon serves all older clients. */
export const protocol = 1;
/** JSON bodies have at most this many bytes. */
export const maxBody = 16 * 1024 * 1024;
/** A batch has at most so many calls, and its body so many bytes. */
export const maxBatchCalls = 1000;
export const maxBatchBody = 8 * 1024 * 1024;
/** Milliseconds of work after which an atomic batch is refused: every other write waits for it. */
export const maxBatchWorkMs = 5000;
/** Free bytes below which health warns: the write-ahead log may need this much. */
export const lowDiskBytes = 100 * 1024 * 1024;

import { HoldfastError } from '../../client/index.ts';

/** All of a stream. One that was cut, because the daemon was killed or the connection lost, is asked for again. */
export async function wholeStream<T>(open: () => AsyncIterable<T>): Promise<T[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await Array.fromAsync(open());
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'unavailable' || attempt === 100) throw error;
    }
  }
}

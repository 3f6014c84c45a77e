import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { HoldfastError } from '../../../shared/errors.ts';
import { ExitError } from '../../exit.ts';
import { sqlite, sqliteCode } from './connection.ts';

/** Codes that mean the disk or the file failed, so that nothing of the transaction can be trusted. */
const storageCodes = new Set([
  sqlite.busy,
  sqlite.outOfMemory,
  sqlite.readonly,
  sqlite.ioError,
  sqlite.full,
  sqlite.cannotOpen,
  sqlite.protocol,
]);

/** Whether an error takes the whole transaction with it, not only the call that met it. */
export function isStorageFailure(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && storageCodes.has(code);
}

/** Why the database cannot be opened: the disk may pass by itself, a damaged file needs a human. */
export function cannotOpen(path: string, error: unknown): ExitError {
  const why = error instanceof Error ? error.message : String(error);
  if (isStorageFailure(error) || (error instanceof Error && 'syscall' in error)) {
    const { bavail, bsize } = statfsSync(dirname(path));
    const space = `its file system has ${bavail * bsize} bytes of free space`;
    return new ExitError(69, `${path} cannot be opened: ${why} (${space}).`, { cause: error });
  }
  return new ExitError(78, `${path} is damaged (${why}). Restore a copy or move it away, then start again.`, {
    cause: error,
  });
}

/** What a caller is told: SQLite's own text stays in the log. */
export function toHoldfastError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const code = sqliteCode(error);
  if (code === sqlite.full) {
    return new HoldfastError(
      'storage_full',
      'The disk is full: free some space, then the same call works.',
      {},
      { cause: error },
    );
  }
  if (code === sqlite.corrupt || code === sqlite.notADatabase) {
    return new HoldfastError('damaged', 'The database is damaged where this record lies.', {}, { cause: error });
  }
  if (isStorageFailure(error)) {
    return new HoldfastError(
      'storage_failed',
      'The disk or its quota refused the write. It may be stored all the same: retry with the same key.',
      { retryAfter: 1 },
      { cause: error },
    );
  }
  return new HoldfastError('internal', 'The daemon failed; its log has the request id.', {}, { cause: error });
}

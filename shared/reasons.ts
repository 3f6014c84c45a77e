/** Every reason that health may give, once: what a person does about it. */
export const reasonTable = {
  writer_stalled:
    "the disk has not finished a write for a while; what waits is not lost. Look at the disk and at 'holdfast logs'",
  writes_failing:
    "more than one write in a hundred failed lately. Look at the disk and at 'holdfast logs'; what was acknowledged is not lost",
  damage_found:
    "damaged records were met lately; each is told where it is read. Run 'holdfast doctor', which names them",
  inputs_refused: "many calls were refused as not valid lately. Find who makes them in 'holdfast logs'",
  checkpoint_failed: "the write-ahead log cannot be moved into the database. Look at 'holdfast logs'",
  disk_low: 'the disk is almost full, and writes will be refused. Make room where the data lies',
  storage_unreadable: "the database cannot be read. Run 'holdfast doctor' before anything else",
  clean_failed: "old records cannot be removed. Look at 'holdfast logs'",
  search_failed: "the search index cannot be read or made. Look at 'holdfast logs', then run 'holdfast restart'",
  budget_exceeded: "an application has spent more than its budget. See 'holdfast costs budgets --app NAME'",
  owner_lock_replaced: "its owner.lock was removed or replaced. Run 'holdfast restart', which makes it anew",
  record_unwritable:
    "the state directory cannot be written, so it is noted nowhere who serves. See 'holdfast logs', and make it writable",
  key_exposed: "the root key can be read by other users. Run 'holdfast key status'",
  key_locked: "the root key waits for its passphrase. Run 'holdfast key unlock'",
  key_missing: "the root key is missing. Put its file back, or run 'holdfast key restore'",
  key_unreadable: "the root key cannot be read. Run 'holdfast key status'",
  key_wrong: "the root key is not that of this store. Run 'holdfast key status'",
} as const;

export type ReasonCode = keyof typeof reasonTable;
export const reasonCodes = Object.keys(reasonTable) as ReasonCode[];

/** What to do about a reason, also one that only a newer daemon knows. */
export const adviceFor = (code: string): string =>
  Object.hasOwn(reasonTable, code) ? reasonTable[code as ReasonCode] : "look at 'holdfast logs'";

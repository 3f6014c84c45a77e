-- min_compatible: 3

-- A row per path, which stays for a while when its change was acknowledged: a late change must not undo a newer one.
CREATE TABLE file_change (
  app          TEXT NOT NULL,
  path         TEXT NOT NULL,
  event        TEXT NOT NULL,
  renamed_from TEXT,
  mtime_ms     REAL,
  size         INTEGER,
  hash         TEXT,
  sequence     INTEGER NOT NULL,
  rank         INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  claim        INTEGER NOT NULL,
  hidden_until INTEGER NOT NULL,
  hidden_ms    INTEGER NOT NULL,
  reason       TEXT,
  updated_at   INTEGER NOT NULL,
  position     INTEGER NOT NULL,
  sum          INTEGER NOT NULL,
  PRIMARY KEY (app, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_change_rank ON file_change (app, rank, claim, hidden_until, hidden_ms, updated_at) WHERE rank > 0;
CREATE INDEX file_change_done ON file_change (updated_at) WHERE rank = 0;

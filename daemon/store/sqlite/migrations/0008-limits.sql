-- min_compatible: 3

-- Token buckets: what was left in each when its present interval began.
CREATE TABLE rate_limit (
  app         TEXT NOT NULL,
  name        TEXT NOT NULL,
  capacity    INTEGER NOT NULL,
  refill      INTEGER NOT NULL,
  interval_ms INTEGER NOT NULL,
  tokens      INTEGER NOT NULL,
  since       INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  position    INTEGER NOT NULL,
  sum         INTEGER NOT NULL,
  PRIMARY KEY (app, name)
) STRICT, WITHOUT ROWID;

-- min_compatible: 3

-- What each use of a paid service cost; NULL is unknown. Rows stay when they are archived: their usage ids are refused for ever.
CREATE TABLE cost (
  position      INTEGER PRIMARY KEY,
  app           TEXT NOT NULL,
  usage_id      TEXT NOT NULL,
  provider      TEXT NOT NULL,
  model         TEXT NOT NULL,
  operation     TEXT NOT NULL,
  session       TEXT,
  feed          TEXT,
  at            INTEGER NOT NULL,
  input_tokens  INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  nano_usd      INTEGER,
  archived      INTEGER NOT NULL,
  sum           INTEGER NOT NULL,
  metadata      TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX cost_usage ON cost (app, usage_id);
CREATE INDEX cost_at ON cost (app, archived, at, usage_id);

-- Sums per day: without sessions and feeds (detail 0), so that they stay few, and with them (detail 1; '' for none).
CREATE TABLE cost_sum (
  app               TEXT NOT NULL,
  detail            INTEGER NOT NULL,
  day               INTEGER NOT NULL,
  provider          TEXT NOT NULL,
  model             TEXT NOT NULL,
  operation         TEXT NOT NULL,
  session           TEXT NOT NULL,
  feed              TEXT NOT NULL,
  records           INTEGER NOT NULL,
  unknown           INTEGER NOT NULL,
  input_tokens      INTEGER NOT NULL,
  output_tokens     INTEGER NOT NULL,
  nano_usd          INTEGER NOT NULL,
  archived          INTEGER NOT NULL,
  archived_nano_usd INTEGER NOT NULL,
  sum               INTEGER NOT NULL,
  PRIMARY KEY (app, detail, day, provider, model, operation, session, feed)
) STRICT, WITHOUT ROWID;

-- With what was spent in the period from started_at to ends_at.
CREATE TABLE budget (
  app            TEXT NOT NULL,
  name           TEXT NOT NULL,
  provider       TEXT,
  period         TEXT NOT NULL,
  limit_nano_usd INTEGER NOT NULL,
  started_at     INTEGER NOT NULL,
  ends_at        INTEGER NOT NULL,
  spent_nano_usd INTEGER NOT NULL,
  unknown        INTEGER NOT NULL,
  exceeded       INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL,
  position       INTEGER NOT NULL,
  sum            INTEGER NOT NULL,
  PRIMARY KEY (app, name)
) STRICT, WITHOUT ROWID;

-- min_compatible: 1

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  sum   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- See daemon/store/log.ts. Rows are never changed.
CREATE TABLE log (
  position    INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,
  app         TEXT NOT NULL,
  kind        TEXT NOT NULL,
  id          TEXT NOT NULL,
  op          TEXT NOT NULL,
  request     INTEGER NOT NULL,
  session_no  INTEGER,
  seq         INTEGER,
  role        TEXT,
  client      TEXT,
  pid         INTEGER,
  request_id  TEXT,
  key         TEXT,
  fingerprint TEXT,
  status      INTEGER,
  answer      TEXT,
  sum         INTEGER NOT NULL,
  content     TEXT
) STRICT;
CREATE UNIQUE INDEX log_key ON log (key, app, op) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX log_message ON log (session_no, seq) WHERE session_no IS NOT NULL;
CREATE UNIQUE INDEX log_message_id ON log (session_no, id) WHERE session_no IS NOT NULL;

CREATE TABLE history (
  position INTEGER PRIMARY KEY,
  app      TEXT NOT NULL,
  kind     TEXT NOT NULL,
  id       TEXT NOT NULL,
  value    TEXT NOT NULL,
  sum      INTEGER NOT NULL
) STRICT;

CREATE TABLE feed (
  app          TEXT NOT NULL,
  name         TEXT NOT NULL,
  url          TEXT NOT NULL,
  category     TEXT,
  display_name TEXT,
  tags         TEXT NOT NULL,
  metadata     TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  position     INTEGER NOT NULL,
  sum          INTEGER NOT NULL,
  PRIMARY KEY (app, name)
) STRICT, WITHOUT ROWID;

-- Cold: written by people, not by appends.
CREATE TABLE session (
  session_no        INTEGER PRIMARY KEY,
  app               TEXT NOT NULL,
  id                TEXT NOT NULL,
  title             TEXT,
  model             TEXT,
  working_directory TEXT,
  status            TEXT NOT NULL,
  preview           TEXT,
  created_at        INTEGER NOT NULL,
  sum               INTEGER NOT NULL,
  metadata          TEXT NOT NULL,
  UNIQUE (app, id)
) STRICT;

-- Hot: one narrow row, written once per append.
CREATE TABLE session_head (
  session_no    INTEGER PRIMARY KEY,
  head          INTEGER NOT NULL,
  previewed     INTEGER NOT NULL,
  input_tokens  INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  position      INTEGER NOT NULL,
  sum           INTEGER NOT NULL
) STRICT;

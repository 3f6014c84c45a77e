-- min_compatible: 2

-- Rows whose checksum was wrong keep a wrong one: row_sum() is what statements.ts writes as `sum`, over all other columns.

ALTER TABLE log RENAME COLUMN session_no TO branch;

-- The messages of a session lie in branches: see daemon/store/resources/sessions/branches.ts.
CREATE TABLE branch (
  branch     INTEGER PRIMARY KEY,
  session_no INTEGER NOT NULL,
  parent     INTEGER,
  base       INTEGER NOT NULL,
  sweep_at   INTEGER,
  sum        INTEGER NOT NULL
) STRICT;
CREATE INDEX branch_session ON branch (session_no);
CREATE INDEX branch_parent ON branch (parent, base) WHERE parent IS NOT NULL;
CREATE INDEX branch_sweep ON branch (sweep_at) WHERE sweep_at IS NOT NULL;
INSERT INTO branch SELECT session_no, session_no, NULL, 0, NULL, row_sum(session_no, session_no, NULL, 0, NULL) FROM session;

ALTER TABLE session RENAME TO session_1;
CREATE TABLE session (
  session_no        INTEGER PRIMARY KEY,
  app               TEXT NOT NULL,
  id                TEXT NOT NULL,
  title             TEXT,
  model             TEXT,
  working_directory TEXT,
  status            TEXT NOT NULL,
  preview           TEXT,
  forked_from       TEXT,
  forked_at         INTEGER,
  created_at        INTEGER NOT NULL,
  deleted_at        INTEGER,
  sum               INTEGER NOT NULL,
  metadata          TEXT NOT NULL
) STRICT;
INSERT INTO session SELECT session_no, app, id, title, model, working_directory, status, preview, NULL, NULL, created_at, NULL,
  CASE sum WHEN row_sum(session_no, app, id, title, model, working_directory, status, preview, created_at, metadata)
    THEN row_sum(session_no, app, id, title, model, working_directory, status, preview, NULL, NULL, created_at, NULL, metadata)
    ELSE -1 END,
  metadata FROM session_1;
DROP TABLE session_1;
CREATE UNIQUE INDEX session_id ON session (app, id) WHERE deleted_at IS NULL;
CREATE INDEX session_deleted ON session (app, id, deleted_at) WHERE deleted_at IS NOT NULL;

ALTER TABLE session_head RENAME TO session_head_1;
CREATE TABLE session_head (
  session_no    INTEGER PRIMARY KEY,
  branch        INTEGER NOT NULL,
  base          INTEGER NOT NULL,
  generation    INTEGER NOT NULL,
  head          INTEGER NOT NULL,
  previewed     INTEGER NOT NULL,
  input_tokens  INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  position      INTEGER NOT NULL,
  lease         INTEGER NOT NULL,
  lease_ttl     INTEGER NOT NULL,
  lease_until   INTEGER NOT NULL,
  sum           INTEGER NOT NULL
) STRICT;
INSERT INTO session_head SELECT session_no, session_no, 0, 0, head, previewed, input_tokens, output_tokens, cost_nano_usd,
  updated_at, position, 0, 0, 0,
  CASE sum WHEN row_sum(session_no, head, previewed, input_tokens, output_tokens, cost_nano_usd, updated_at, position)
    THEN row_sum(session_no, session_no, 0, 0, head, previewed, input_tokens, output_tokens, cost_nano_usd, updated_at,
      position, 0, 0, 0)
    ELSE -1 END
  FROM session_head_1;
DROP TABLE session_head_1;

-- Who holds the lease that the head names.
CREATE TABLE lease (
  session_no INTEGER PRIMARY KEY,
  owner      TEXT NOT NULL,
  client     TEXT,
  pid        INTEGER,
  since      INTEGER NOT NULL,
  sum        INTEGER NOT NULL
) STRICT;

CREATE TABLE draft (
  session_no INTEGER PRIMARY KEY,
  updated_at INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  metadata   TEXT NOT NULL,
  sum        INTEGER NOT NULL,
  text       TEXT NOT NULL
) STRICT;

-- Beside a message; of one session, for forks share the message.
CREATE TABLE delivery (
  session_no INTEGER NOT NULL,
  id         TEXT NOT NULL,
  delivery   TEXT NOT NULL,
  reason     TEXT,
  at         INTEGER NOT NULL,
  sum        INTEGER NOT NULL,
  PRIMARY KEY (session_no, id)
) STRICT, WITHOUT ROWID;

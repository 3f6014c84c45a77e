-- min_compatible: 3

-- `rank` is the order in which messages are given out: see daemon/store/resources/queues/rows.ts.
CREATE TABLE queue_message (
  app          TEXT NOT NULL,
  queue        TEXT NOT NULL,
  id           TEXT NOT NULL,
  rank         INTEGER NOT NULL,
  group_name   TEXT,
  attempts     INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  claim        INTEGER NOT NULL,
  hidden_until INTEGER NOT NULL,
  hidden_ms    INTEGER NOT NULL,
  reason       TEXT,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  position     INTEGER NOT NULL,
  sum          INTEGER NOT NULL,
  body         TEXT NOT NULL,
  PRIMARY KEY (app, queue, id)
) STRICT, WITHOUT ROWID;
-- All that decides who is given which message, so that a claim reads no body but those it answers.
CREATE INDEX queue_message_rank ON queue_message
  (app, queue, rank, group_name, attempts, max_attempts, claim, hidden_until, hidden_ms, created_at);

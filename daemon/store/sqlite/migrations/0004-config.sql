-- min_compatible: 3

-- What a document is now; `position` names its value.
CREATE TABLE config (
  app        TEXT NOT NULL,
  name       TEXT NOT NULL,
  version    INTEGER NOT NULL,
  size       INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  sum        INTEGER NOT NULL,
  PRIMARY KEY (app, name)
) STRICT, WITHOUT ROWID;

-- A row per change of a document, never changed itself, kept over its removal; `size` is NULL for a removal.
CREATE TABLE config_version (
  position INTEGER PRIMARY KEY,
  app      TEXT NOT NULL,
  name     TEXT NOT NULL,
  version  INTEGER NOT NULL,
  size     INTEGER,
  op       TEXT NOT NULL,
  at       INTEGER NOT NULL,
  client   TEXT,
  pid      INTEGER,
  sum      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX config_version_number ON config_version (app, name, version);

-- Apart from the versions, so that a history is read without its values.
CREATE TABLE config_value (
  position INTEGER PRIMARY KEY,
  sum      INTEGER NOT NULL,
  value    TEXT NOT NULL
) STRICT;

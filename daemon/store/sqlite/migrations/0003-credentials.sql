-- min_compatible: 3

-- The keys that seal what an application keeps, each wrapped by the root key: see daemon/store/keys/keyring.ts.
CREATE TABLE data_key (
  id         INTEGER PRIMARY KEY,
  app        TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  wrapped    TEXT NOT NULL,
  sum        INTEGER NOT NULL
) STRICT;

-- Secrets of records, sealed, apart from the records: see daemon/store/seal.ts.
CREATE TABLE secret (
  app    TEXT NOT NULL,
  kind   TEXT NOT NULL,
  record INTEGER NOT NULL,
  field  TEXT NOT NULL,
  sealed TEXT NOT NULL,
  sum    INTEGER NOT NULL,
  PRIMARY KEY (app, kind, record, field)
) STRICT, WITHOUT ROWID;

-- A row per version of a profile; the current one has no replaced_at.
CREATE TABLE credential (
  record       INTEGER PRIMARY KEY,
  app          TEXT NOT NULL,
  profile      TEXT NOT NULL,
  version      INTEGER NOT NULL,
  kind         TEXT NOT NULL,
  account      TEXT,
  client_id    TEXT,
  scopes       TEXT NOT NULL,
  holds        TEXT NOT NULL,
  expires_at   INTEGER,
  obtained_at  INTEGER NOT NULL,
  tokens       INTEGER NOT NULL,
  used         TEXT NOT NULL,
  state        TEXT NOT NULL,
  reason       TEXT,
  failures     INTEGER NOT NULL,
  retry_at     INTEGER NOT NULL,
  lease        INTEGER NOT NULL,
  lease_until  INTEGER NOT NULL,
  lease_client TEXT,
  lease_pid    INTEGER,
  attempt      TEXT,
  created_at   INTEGER NOT NULL,
  stored_at    INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  replaced_at  INTEGER,
  position     INTEGER NOT NULL,
  sum          INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX credential_profile ON credential (app, profile) WHERE replaced_at IS NULL;
CREATE INDEX credential_version ON credential (app, profile, version);

-- Secrets of logins in progress.
CREATE TABLE pending (
  app        TEXT NOT NULL,
  state      TEXT NOT NULL,
  record     INTEGER NOT NULL,
  metadata   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  sum        INTEGER NOT NULL,
  PRIMARY KEY (app, state)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_expiry ON pending (expires_at);

-- `record` names a feed for its secrets, over renames; `auth` is what kind of secrets it has.
ALTER TABLE feed ADD COLUMN record INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN auth TEXT NOT NULL DEFAULT 'none';
UPDATE feed SET record = position, sum =
  CASE sum WHEN row_sum(app, name, url, category, display_name, tags, metadata, created_at, updated_at, position)
    THEN row_sum(app, name, url, category, display_name, tags, metadata, created_at, updated_at, position, position, 'none')
    ELSE -1 END;

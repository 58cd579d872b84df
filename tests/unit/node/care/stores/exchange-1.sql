BEGIN TRANSACTION;
CREATE TABLE agreement (
  id TEXT PRIMARY KEY, pid TEXT NOT NULL, role TEXT NOT NULL, peer TEXT NOT NULL, dataset TEXT NOT NULL,
  hash TEXT NOT NULL, text TEXT NOT NULL, final INTEGER NOT NULL DEFAULT 0, facts TEXT NOT NULL) STRICT;
CREATE TABLE duty (
  agreement TEXT NOT NULL, number INTEGER NOT NULL, action TEXT NOT NULL, due TEXT, words TEXT NOT NULL,
  done TEXT, PRIMARY KEY (agreement, number)) STRICT;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO "meta" VALUES('schema','1');
CREATE TABLE outgoing (
  id INTEGER PRIMARY KEY AUTOINCREMENT, pid TEXT NOT NULL UNIQUE, url TEXT NOT NULL, body BLOB NOT NULL,
  attempts INTEGER NOT NULL, next_at REAL NOT NULL) STRICT;
CREATE TABLE process (
  pid TEXT PRIMARY KEY, kind TEXT NOT NULL, role TEXT NOT NULL, peer TEXT NOT NULL, state TEXT NOT NULL,
  body TEXT NOT NULL, callback TEXT NOT NULL, facts TEXT NOT NULL, flag TEXT NOT NULL DEFAULT '',
  changed INTEGER NOT NULL) STRICT;
CREATE TABLE records (
  source TEXT NOT NULL, key TEXT NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL, pass INTEGER NOT NULL,
  run INTEGER NOT NULL, PRIMARY KEY (source, key)) STRICT, WITHOUT ROWID;
CREATE TABLE run_changes (
  run INTEGER NOT NULL, key TEXT NOT NULL, what TEXT NOT NULL, hash TEXT NOT NULL,
  PRIMARY KEY (run, key)) STRICT, WITHOUT ROWID;
CREATE TABLE run_failures (
  run INTEGER NOT NULL, pass INTEGER NOT NULL, number INTEGER NOT NULL, key TEXT NOT NULL, reason TEXT NOT NULL,
  named INTEGER NOT NULL, PRIMARY KEY (run, number)) STRICT, WITHOUT ROWID;
CREATE TABLE run_gone (
  pass INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (pass, key)) STRICT, WITHOUT ROWID;
CREATE TABLE run_mended (
  run INTEGER NOT NULL, number INTEGER NOT NULL, later INTEGER NOT NULL,
  PRIMARY KEY (run, number)) STRICT, WITHOUT ROWID;
CREATE TABLE run_tokens (
  source TEXT NOT NULL, pass INTEGER NOT NULL, token TEXT NOT NULL,
  PRIMARY KEY (source, pass, token)) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, kind TEXT NOT NULL, address TEXT NOT NULL,
  owner TEXT NOT NULL, pass INTEGER NOT NULL, state TEXT NOT NULL, token TEXT NOT NULL, pages INTEGER NOT NULL,
  started INTEGER NOT NULL, finished INTEGER, reason TEXT NOT NULL, waiting INTEGER NOT NULL,
  entry TEXT NOT NULL) STRICT;
CREATE TABLE seen (
  peer TEXT NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL, status INTEGER NOT NULL, answer BLOB NOT NULL,
  PRIMARY KEY (peer, path, digest)) STRICT;
CREATE TABLE served (
  agreement TEXT NOT NULL, pid TEXT NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, bytes INTEGER NOT NULL,
  PRIMARY KEY (pid, file)) STRICT;
CREATE TABLE source_mark (
  source TEXT PRIMARY KEY, kind TEXT NOT NULL, address TEXT NOT NULL, mark TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE taxii_account (name TEXT PRIMARY KEY, member TEXT NOT NULL, label TEXT NOT NULL,
       organisation TEXT NOT NULL, salt BLOB NOT NULL, hash BLOB NOT NULL, made INTEGER NOT NULL,
       ended INTEGER NOT NULL);
CREATE TABLE taxii_collection (id TEXT PRIMARY KEY, root TEXT NOT NULL, title TEXT NOT NULL,
       topic TEXT NOT NULL, ceiling INTEGER NOT NULL, writers TEXT NOT NULL, subscribers TEXT NOT NULL,
       ahead INTEGER NOT NULL, UNIQUE (root, topic, ceiling));
CREATE TABLE taxii_fetched (member TEXT NOT NULL, collection TEXT NOT NULL, after TEXT NOT NULL,
       PRIMARY KEY (member, collection)) WITHOUT ROWID;
CREATE TABLE taxii_object (collection TEXT NOT NULL, added INTEGER NOT NULL, id TEXT NOT NULL,
       type TEXT NOT NULL, version TEXT NOT NULL, version_ns INTEGER NOT NULL, own INTEGER NOT NULL,
       label INTEGER NOT NULL, owner TEXT NOT NULL, recipients TEXT NOT NULL, body BLOB, withdrawn INTEGER NOT NULL);
CREATE TABLE taxii_pending (document TEXT PRIMARY KEY, collection TEXT NOT NULL,
       recipients TEXT NOT NULL, objects BLOB NOT NULL);
CREATE TABLE taxii_ref (target TEXT NOT NULL, collection TEXT NOT NULL, added INTEGER NOT NULL,
       marks INTEGER NOT NULL, PRIMARY KEY (target, collection, added, marks)) WITHOUT ROWID;
CREATE TABLE taxii_status (root TEXT NOT NULL, number TEXT NOT NULL, owner TEXT NOT NULL,
       body BLOB NOT NULL, made INTEGER NOT NULL, PRIMARY KEY (root, number));
CREATE TABLE taxii_unread (member TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL,
       added INTEGER NOT NULL, PRIMARY KEY (member, collection, id, added)) WITHOUT ROWID;
CREATE TABLE taxii_used (member TEXT NOT NULL, jti TEXT NOT NULL, until INTEGER NOT NULL,
       PRIMARY KEY (member, jti)) WITHOUT ROWID;
CREATE TABLE token (
  hash TEXT PRIMARY KEY, pid TEXT NOT NULL, expires INTEGER NOT NULL) STRICT;
INSERT INTO "token" VALUES('e3316e2bafebb6103a3418e8778c0adc960d40213a03a7e7f4fcd3426ed807bf','urn:uuid:00000000-0000-4000-8000-000000000001',1795000000);
CREATE TABLE used (
  member TEXT NOT NULL, jti TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (member, jti)) STRICT;
CREATE INDEX process_state ON process (state, kind);
CREATE INDEX used_until ON used (until);
CREATE INDEX served_agreement ON served (agreement);
CREATE INDEX run_failures_key ON run_failures (pass, key);
CREATE UNIQUE INDEX taxii_object_order ON taxii_object (collection, added);
CREATE INDEX taxii_object_id ON taxii_object (id, collection);
CREATE INDEX taxii_object_kind
       ON taxii_object (collection, withdrawn, label, owner, recipients, added, type);
CREATE INDEX taxii_ref_source ON taxii_ref (collection, added);
CREATE INDEX taxii_used_until ON taxii_used (until);
DELETE FROM "sqlite_sequence";
COMMIT;

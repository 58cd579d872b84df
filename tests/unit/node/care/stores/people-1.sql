BEGIN TRANSACTION;
CREATE TABLE account (id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT NOT NULL, member TEXT NOT NULL,
       roles TEXT NOT NULL, password_phc TEXT NOT NULL, totp_sealed BLOB, totp_step INTEGER NOT NULL,
       recovery TEXT NOT NULL, certificate TEXT NOT NULL, key_label TEXT NOT NULL, key_public BLOB, key_sealed BLOB,
       created INTEGER NOT NULL, locked_until INTEGER NOT NULL);
CREATE TABLE act (act TEXT PRIMARY KEY, owner TEXT NOT NULL, type TEXT NOT NULL, scope TEXT NOT NULL,
       person TEXT NOT NULL, state TEXT NOT NULL, fields TEXT NOT NULL, version TEXT NOT NULL, problem TEXT NOT NULL,
       content TEXT NOT NULL, base INTEGER NOT NULL, payload BLOB, entry TEXT NOT NULL, idx INTEGER NOT NULL,
       recorded INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL);
CREATE TABLE audit (n INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL,
       facts TEXT NOT NULL, hash TEXT NOT NULL);
INSERT INTO "audit" VALUES(1,1000,'login','account-1','{"how":"password"}','6ef4cd7ffb1ff18f56d1f8248115549700ef4827c6cd1809be3a764d1c52db70');
CREATE TABLE guess (kind TEXT NOT NULL, key TEXT NOT NULL, times TEXT NOT NULL, level INTEGER NOT NULL,
       until INTEGER NOT NULL, changed INTEGER NOT NULL, PRIMARY KEY (kind, key));
CREATE TABLE job (n INTEGER NOT NULL UNIQUE, id TEXT PRIMARY KEY, kind TEXT NOT NULL, args TEXT NOT NULL,
       args_hash TEXT NOT NULL, state TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, note TEXT NOT
       NULL, queued INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL, result TEXT NOT NULL,
       error TEXT NOT NULL, asked_by TEXT NOT NULL);
CREATE TABLE link (hash TEXT PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL, made INTEGER NOT NULL,
       expires INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "meta" VALUES('schema','1');
CREATE TABLE opinion (consultation TEXT NOT NULL, voter TEXT NOT NULL, statement INTEGER NOT NULL,
       choice TEXT NOT NULL, at INTEGER NOT NULL, batch TEXT NOT NULL,
       PRIMARY KEY (consultation, voter, statement));
CREATE TABLE opinion_batch (batch TEXT PRIMARY KEY, consultation TEXT NOT NULL, body TEXT NOT NULL,
       made INTEGER NOT NULL, entry TEXT NOT NULL);
CREATE TABLE passkey (id TEXT PRIMARY KEY, account TEXT NOT NULL, public BLOB NOT NULL, count INTEGER NOT NULL,
       label TEXT NOT NULL, made INTEGER NOT NULL);
CREATE TABLE session (hash TEXT PRIMARY KEY, account TEXT NOT NULL, began INTEGER NOT NULL,
       seen INTEGER NOT NULL, ended INTEGER NOT NULL, how TEXT NOT NULL);
CREATE TABLE spent (hash TEXT PRIMARY KEY, expires INTEGER NOT NULL);
CREATE INDEX act_owner ON act (owner, changed);
CREATE INDEX act_entry ON act (entry);
CREATE INDEX opinion_waiting ON opinion (batch, consultation, at);
CREATE INDEX audit_account ON audit (account, n);
CREATE INDEX job_state ON job (state, n);
CREATE UNIQUE INDEX job_same ON job (args_hash) WHERE state IN ('queued', 'running', 'done');
COMMIT;

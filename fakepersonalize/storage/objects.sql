-- buckets

-- name: keep_bucket
INSERT OR REPLACE INTO bucket (name, account, partition, facts) VALUES (:name, :account, :partition, :facts);

-- name: buckets
SELECT name, account, partition, facts FROM bucket ORDER BY name;

-- name: drop_bucket
DELETE FROM bucket WHERE name = :bucket;

-- name: keep_setting
INSERT OR REPLACE INTO setting (bucket, name, headers, body) VALUES (:bucket, :name, :headers, :body);

-- name: settings
SELECT bucket, name, headers, body FROM setting ORDER BY number;

-- name: settings_of
SELECT bucket, name, headers, body FROM setting WHERE bucket = :bucket ORDER BY number;

-- name: drop_setting
DELETE FROM setting WHERE bucket = :bucket AND name = :name;

-- name: drop_settings
DELETE FROM setting WHERE bucket = :bucket;

-- objects

-- name: keep_version
INSERT INTO version (bucket, key, position, body, facts) VALUES (:bucket, :key, :position, :body, :facts);

-- name: versions
SELECT body, facts FROM version WHERE bucket = :bucket AND key = :key ORDER BY position;

-- name: versions_in
SELECT key, body, facts FROM version WHERE bucket = :bucket ORDER BY key, position;

-- name: drop_versions
DELETE FROM version WHERE bucket = :bucket AND key = :key;

-- name: drop_versions_in
DELETE FROM version WHERE bucket = :bucket;

-- name: bodies
SELECT body FROM version WHERE body IS NOT NULL;

-- roles and policies

-- name: keep_identity
INSERT OR REPLACE INTO identity (account, partition, kind, name, facts)
VALUES (:account, :partition, :kind, :name, :facts);

-- name: identities
SELECT account, partition, kind, name, facts FROM identity ORDER BY account, partition, kind, name;

-- name: drop_identity
DELETE FROM identity WHERE account = :account AND partition = :partition AND kind = :kind AND name = :name;

-- everything

-- name: clear_buckets
DELETE FROM bucket;

-- name: clear_settings
DELETE FROM setting;

-- name: clear_versions
DELETE FROM version;

-- name: clear_identities
DELETE FROM identity;

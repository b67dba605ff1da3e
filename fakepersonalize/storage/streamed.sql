-- name: add_event
INSERT INTO event (dataset, user, session, id, item, time, type, more, number, at)
VALUES (:dataset, :user, :session, :id, :item, :time, :type, :more, :number, :at);

-- name: add_record
INSERT INTO record (dataset, id, after, columns, number, at)
VALUES (:dataset, :id, :after, :columns, :number, :at);

-- name: events
SELECT dataset, user, session, id, item, time, type, more, number, at FROM event
WHERE dataset = :dataset ORDER BY number;

-- name: records
SELECT dataset, id, after, columns, number, at FROM record WHERE dataset = :dataset ORDER BY number;

-- name: event_page
SELECT dataset, user, session, id, item, time, type, more, number, at FROM event
WHERE dataset = :dataset AND number > :after AND number <= :last ORDER BY number LIMIT :size;

-- name: record_page
SELECT dataset, id, after, columns, number, at FROM record
WHERE dataset = :dataset AND number > :after AND number <= :last ORDER BY number LIMIT :size;

-- name: streamed_datasets
SELECT dataset FROM event UNION SELECT dataset FROM record;

-- name: latest_event
SELECT max(number) AS number FROM event WHERE dataset = :dataset;

-- name: last_streamed
SELECT coalesce(max(seq), 0) AS number FROM sqlite_sequence;

-- name: remove_event
DELETE FROM event WHERE dataset = :dataset AND number = :number;

-- name: remove_record
DELETE FROM record WHERE dataset = :dataset AND number = :number;

-- name: drop_events
DELETE FROM event WHERE dataset = :dataset;

-- name: drop_records
DELETE FROM record WHERE dataset = :dataset;

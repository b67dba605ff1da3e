-- resources

-- name: add_resource
INSERT INTO resource (arn, kind, account, region, name, status, created, updated, document)
VALUES (:arn, :kind, :account, :region, :name, :status, :now, :now, :document);

-- name: restore_resource
INSERT INTO resource (arn, kind, account, region, name, status, created, updated, document)
VALUES (:arn, :kind, :account, :region, :name, :status, :created, :updated, :document);

-- name: resource
SELECT * FROM resource WHERE arn = :arn;

-- name: change_resource
UPDATE resource SET status = :status, updated = :now, document = :document WHERE arn = :arn;

-- name: remove_resource
DELETE FROM resource WHERE arn = :arn;

-- name: page
SELECT * FROM resource
WHERE account = :account AND region = :region AND kind = :kind AND number < :before
ORDER BY number DESC LIMIT :size;

-- name: page_below
SELECT resource.* FROM link JOIN resource ON resource.number = link.number
WHERE link.ancestor = :ancestor AND link.kind = :kind AND link.number < :before
ORDER BY link.number DESC LIMIT :size;

-- name: count_by_status
SELECT status, count(*) AS amount FROM resource
WHERE account = :account AND region = :region AND kind = :kind GROUP BY status;

-- name: count_below_by_status
SELECT resource.status AS status, count(*) AS amount FROM link JOIN resource ON resource.number = link.number
WHERE link.ancestor = :ancestor AND link.kind = :kind GROUP BY resource.status;

-- name: below
SELECT resource.* FROM link JOIN resource ON resource.number = link.number
WHERE link.ancestor = :ancestor AND link.kind = :kind ORDER BY link.number;

-- name: of_kind
SELECT * FROM resource WHERE kind = :kind ORDER BY number;

-- name: latest_change
SELECT max(updated) AS at FROM resource;

-- name: highest_number
SELECT max(seq) AS number FROM sqlite_sequence WHERE name = 'resource';

-- links and tags

-- name: add_link
INSERT OR IGNORE INTO link (ancestor, arn, kind, number)
SELECT :ancestor, arn, kind, number FROM resource WHERE arn = :arn;

-- name: all_links
SELECT ancestor, arn FROM link ORDER BY number, ancestor;

-- name: all_tags
SELECT arn, key, value FROM tag ORDER BY arn, key;

-- name: ancestors
SELECT ancestor FROM link WHERE arn = :arn;

-- name: remove_links
DELETE FROM link WHERE arn = :arn;

-- name: remove_links_to
DELETE FROM link WHERE ancestor = :arn;

-- name: set_tag
INSERT INTO tag (arn, key, value) VALUES (:arn, :key, :value)
ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value;

-- name: tags
SELECT key, value FROM tag WHERE arn = :arn ORDER BY key;

-- name: remove_tag
DELETE FROM tag WHERE arn = :arn AND key = :key;

-- name: remove_tags
DELETE FROM tag WHERE arn = :arn;

-- steps and jobs

-- name: add_step
INSERT INTO step (arn, track, process, stage, due, times, job)
VALUES (:arn, :track, :process, :stage, :due, :times, :job);

-- name: all_steps
SELECT * FROM step ORDER BY number;

-- name: next_step
SELECT step.*, job.state AS job_state, job.failure AS job_failure FROM step LEFT JOIN job ON job.number = step.job
WHERE step.due <= :now AND step.times = 0 AND (
    step.job IS NULL OR job.state IN ('done', 'failed')
    OR (step.stage = 'running' AND job.state = 'gathered')
)
ORDER BY step.due, step.number LIMIT 1;

-- name: next_due
SELECT min(step.due) AS due FROM step LEFT JOIN job ON job.number = step.job
WHERE step.times = 0 AND (
    step.job IS NULL OR job.state IN ('done', 'failed') OR (step.stage = 'running' AND job.state = 'gathered')
);

-- name: hold_step
UPDATE step SET due = :due WHERE number = :number;

-- name: release_steps
UPDATE step SET due = :now WHERE arn = :arn AND stage = 'done' AND due > :now;

-- name: release_held_steps
UPDATE step SET due = :now WHERE due >= :held;

-- name: hurry_steps
UPDATE step SET due = min(due, :now), times = 0 WHERE arn = :arn AND stage IN ('running', 'done');

-- name: remove_step
DELETE FROM step WHERE number = :number;

-- name: tell_steps
UPDATE step SET times = times - 1 WHERE times > 0;

-- name: hasten_steps
UPDATE step SET due = due - :seconds;

-- name: remove_steps
DELETE FROM step WHERE arn = :arn;

-- name: remove_steps_of_track
DELETE FROM step WHERE arn = :arn AND track = :track;

-- name: add_job
INSERT INTO job (arn, kind, state) VALUES (:arn, :kind, 'queued');

-- name: job
SELECT * FROM job WHERE number = :number;

-- name: unfinished_jobs
SELECT job.*, NOT EXISTS (SELECT 1 FROM step WHERE step.job = job.number AND step.stage = 'running') AS in_progress
FROM job WHERE state IN ('queued', 'gathered') ORDER BY number;

-- name: open_jobs
SELECT DISTINCT job AS number FROM step WHERE job IS NOT NULL;

-- name: jobs
SELECT * FROM job ORDER BY number;

-- name: jobs_of
SELECT * FROM job WHERE arn = :arn;

-- name: job_gathered
UPDATE job SET state = 'gathered', spec = :spec WHERE number = :number AND state = 'queued';

-- name: job_attempted
UPDATE job SET attempts = attempts + 1 WHERE number = :number AND state = 'gathered';

-- name: job_done
UPDATE job SET state = 'done', outcome = :outcome WHERE number = :number AND state = 'gathered';

-- name: job_failed
UPDATE job SET state = 'failed', failure = :failure WHERE number = :number AND state IN ('queued', 'gathered', 'done');

-- name: remove_job
DELETE FROM job WHERE number = :number;

-- segments

-- name: add_segment
INSERT INTO segment (dataset, file, origin, rows) VALUES (:dataset, :file, :origin, :rows);

-- name: keep_old_segment
INSERT INTO segment (dataset, file, origin, rows, retired)
SELECT dataset, file, origin, rows, 1 FROM segment WHERE number = :number AND retired = 0;

-- name: move_pins
UPDATE pin SET segment = :target WHERE segment = :number;

-- name: change_segment
UPDATE segment SET file = :file, rows = :rows WHERE number = :number;

-- name: segment
SELECT * FROM segment WHERE number = :number;

-- name: segments
SELECT * FROM segment WHERE dataset = :dataset AND retired = 0 ORDER BY number;

-- name: latest_segment
SELECT coalesce(max(number), 0) AS number FROM segment WHERE dataset = :dataset;

-- name: segment_files
SELECT file FROM segment;

-- name: retire_segments
UPDATE segment SET retired = 1 WHERE dataset = :dataset AND origin = :origin;

-- name: retire_dataset
UPDATE segment SET retired = 1 WHERE dataset = :dataset;

-- name: free_segments
SELECT * FROM segment WHERE retired = 1 AND NOT EXISTS (SELECT 1 FROM pin WHERE pin.segment = segment.number);

-- name: remove_segment
DELETE FROM segment WHERE number = :number;

-- name: pin
INSERT OR IGNORE INTO pin (job, segment)
SELECT job.number, segment.number FROM job, segment
WHERE job.number = :job AND segment.dataset = :dataset AND segment.retired = 0;

-- name: unpin
DELETE FROM pin WHERE job = :job;

-- snapshots

-- name: begin_loading
INSERT INTO loading (begun) VALUES (:now);

-- name: loading
SELECT * FROM loading;

-- name: end_loading
DELETE FROM loading;

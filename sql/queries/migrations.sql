-- The version of the schema, and the progress of migrations.

-- name: tables
-- Whether the database has a schema, and whether it has the table of migrations, which came after version 3.
select to_regclass('installation') is not null as has_schema, to_regclass('migrations') is not null as has_migrations

-- name: version_3
-- Version and oldest program of a schema without a table of migrations.
select schema_version as version, schema_version as oldest_program from installation

-- name: version
-- The last migration that is finished, and the oldest program that may run. schema_version keeps its name: programs of
-- version 3 compare it with 3.
select coalesce(m.finished, m.first - 1, i.schema_version) as version, i.schema_version as oldest_program
from installation i
cross join (select max(number) filter (where finished_at is not null) as finished, min(number) as first from migrations) m

-- name: created
-- Notes the version that a schema was created with.
insert into migrations (number, finished_at) values ($1, now())

-- name: try_lock
-- Takes the lock that only one migration of a database has, until the session ends; false if another one has it.
select pg_try_advisory_lock($1)

-- name: begin
-- Notes that a migration has begun, and returns how far it has come.
insert into migrations as m (number) values ($1)
on conflict (number) do update set number = m.number
returning steps, position

-- name: progress
-- How far a migration has come that has begun and is not finished.
select steps, position from migrations where number = $1 and finished_at is null

-- name: step_done
-- Notes that the first $2 steps of a migration are done.
update migrations set steps = $2, position = null where number = $1

-- name: batch_done
-- Notes up to which position the step in batches is done.
update migrations set position = $2 where number = $1

-- name: finish
-- Notes that a migration is done.
update migrations set finished_at = now() where number = $1

-- name: raise_oldest_program
-- Shuts out programs older than this, when they connect the next time.
update installation set schema_version = $1 where schema_version < $1

-- name: oldest_program
-- The oldest program that may run.
select schema_version from installation

-- name: lower_oldest_program
-- Takes back what raise_oldest_program did ($2), to the oldest program before ($1).
update installation set schema_version = $1 where schema_version = $2

-- name: programs
-- Programs that are connected and older than $1, by the version in the names of their connections, $2 where there is none: the
-- names of version 3 and before. A pooler may add to a name. Not those that work with any schema.
select version, count(*)::integer as connections
from (
    select coalesce(substring(application_name from '^engagement[a-z-]*/([0-9]{1,6})\M')::integer, $2) as version
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
        and (application_name ~ '^engagement(-(lanes|republish|shards|replay|discard|health))?( |$)'
             or application_name ~ '^engagement[a-z-]*/[0-9]' and application_name !~ '^engagement-(check|migrate)/')
) program
where version < $1
group by version
order by version

-- name: oldest_transaction
-- The transaction that has been open for the longest: what a lock usually waits for.
select pid, coalesce(nullif(application_name, ''), 'no name') as name, extract(epoch from now() - xact_start)::integer as seconds
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start < now() - interval '100 milliseconds'
order by xact_start
limit 1

-- name: index_state
-- Whether an index is valid; no row if there is none.
select indisvalid as valid from pg_index where indexrelid = to_regclass($1)

-- name: is_partitioned
-- Whether a table has partitions by design.
select relkind = 'p' from pg_class where oid = to_regclass($1)

-- name: partitions_without
-- The partitions of a table ($1) that have no part of an index of the table ($2) yet.
select i.inhrelid::regclass::text as name
from pg_inherits i
where i.inhparent = to_regclass($1) and not exists (
    select from pg_index x join pg_inherits h on h.inhrelid = x.indexrelid
    where x.indrelid = i.inhrelid and h.inhparent = to_regclass($2))
order by 1

-- name: indexes_like
-- The indexes of a partition ($1) that could be its part of an index of the table ($2).
select i.indexrelid::regclass::text as name, i.indisvalid as valid
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_index w on w.indexrelid = to_regclass($2)
where i.indrelid = to_regclass($1) and not c.relispartition and i.indisunique = w.indisunique
    and substring(pg_get_indexdef(i.indexrelid) from ' USING .*') = substring(pg_get_indexdef(w.indexrelid) from ' USING .*')

-- name: index_progress
-- How far the index has come that a server process builds.
select phase, blocks_done, blocks_total, lockers_total - lockers_done as waits_for
from pg_stat_progress_create_index where pid = $1

-- name: begin_shared
-- Begins a transaction during which the configuration does not change.
begin isolation level read committed; select pg_advisory_xact_lock_shared(%d)

-- name: raise_revision
-- Raises the revision at the end of a change, also of the account whose configuration it was ($1, by key).
with raised as (update installation set revision = revision + 1 returning revision)
update accounts set revision = raised.revision from raised where key = $1;

-- name: look_up_by_key
-- For transactions that change what is stored of contacts. Plans are made once, for the tables of that time
-- (docs/decisions/0002): rows are to be looked up by key, or by their places, whatever the sizes.
set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_hashjoin = off;
set local enable_mergejoin = off

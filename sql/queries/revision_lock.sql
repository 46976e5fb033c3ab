-- Locks between changes of configuration and the transactions that go by it (docs/decisions/0026).

-- name: begin_shared
-- Begins a transaction under the batch lock. Its time-out is for what locks out all batches; row locks have that of the
-- session.
begin isolation level read committed; set local lock_timeout = {locked_out};
select pg_advisory_xact_lock_shared({lock}); set local lock_timeout = {session}

-- name: lock_out_batches
-- Waits for all holders of the batch lock ($1); none begins meanwhile.
select pg_advisory_xact_lock($1)

-- name: in_flight
-- The transactions of other sessions that hold the batch lock ($1), each by an id that none has after it.
select array(
    select virtualtransaction from pg_locks
    where locktype = 'advisory' and objsubid = 1 and granted
        and classid::bigint << 32 | objid::bigint = $1::bigint
        and database = (select oid from pg_database where datname = current_database())
        and pid <> pg_backend_pid())

-- name: lock_account
-- Locks the configuration of an account ($2, by key; it need not exist) for a change.
select pg_advisory_xact_lock($1, hashtext($2))

-- name: share_accounts
-- Keeps the configuration of these accounts ($2, by key) from changing until the transaction ends.
select pg_advisory_xact_lock_shared($1, number)
from (select distinct hashtext(key) as number from unnest($2::text[]) as one(key) order by 1) each

-- name: raise_revision
-- Raises the revision at the end of a change, also of the account whose configuration it was ($1, by key).
with raised as (update installation set revision = revision + 1 returning revision)
update accounts set revision = raised.revision from raised where key = $1;

-- name: look_up_by_key
-- For transactions that change what is stored of contacts. Plans are made once, for the tables of that time
-- (docs/decisions/0002): rows are to be looked up by key, or by their places, whatever the sizes.
set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_hashjoin = off;
set local enable_mergejoin = off

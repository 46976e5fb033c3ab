-- name: begin_shared
-- Begins a transaction during which the configuration does not change.
begin isolation level read committed; select pg_advisory_xact_lock_shared(%d)

-- How far the schema has come; consumer/infra/postgres/migrate.py writes it, and creates it in databases of version 3.

-- Migrations since version 3, and those that a new database begins with: the newest. Programs may run during one: one that
-- has begun and not finished gives the schema no new version yet.
create table if not exists migrations (
    number      integer     primary key,
    -- Of its steps those that are done; of the next one, if it goes in batches, the position up to which it is done.
    steps       integer     not null default 0,
    position    bigint,
    began_at    timestamptz not null default now(),
    finished_at timestamptz
);
-- Every program reads it when it connects, also those whose role was given the tables that there were.
grant select on migrations to public;

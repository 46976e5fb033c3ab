-- From version 2: each account has the revision of its last change, so that only what has changed is read again.

alter table accounts add column revision bigint not null default 1;
create index accounts_by_revision on accounts (revision);

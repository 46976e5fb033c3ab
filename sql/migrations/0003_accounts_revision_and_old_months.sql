-- From version 2: each account has the revision of its last change, so that only what has changed is read again; what is
-- older than two years is one partition of the timeline instead of one for each month.
-- oldest program: 3

-- step: stopped

alter table accounts add column revision bigint not null default 1;
create index accounts_by_revision on accounts (revision);

do $$
declare
    first_month timestamptz := date_trunc('month', now() - interval '2 years', 'UTC');
    before text := to_char(first_month at time zone 'UTC', '"timeline_before_"YYYY_MM');
    month text;
begin
    execute format('create table %I (like timeline including defaults including indexes)', before);
    for month in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'timeline'::regclass
            and c.relname < to_char(first_month at time zone 'UTC', '"timeline_"YYYY_MM')
        order by c.relname
    loop
        execute format('alter table timeline detach partition %I', month);
        execute format('insert into %I select * from %I', before, month);
        execute format('drop table %I', month);
    end loop;
    execute format('alter table timeline attach partition %I for values from (minvalue) to (%L)', before, first_month);
end $$;

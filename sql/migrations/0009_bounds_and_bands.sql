-- From version 8: bounds, bands and groups apart of profiles (docs/decisions/0045). It only adds.
-- oldest program: 6

-- step: brief
alter table profiles add column frames jsonb not null default '{}';

-- step: brief
create table version_groups (
    profile_id integer not null,
    version    integer not null,
    group_id   integer not null,
    floor      bigint,
    cap        bigint,
    apart      boolean not null,
    band_keys  text[],
    band_least bigint[],
    primary key (profile_id, version, group_id),
    foreign key (profile_id, version) references profile_versions
);
create function shown_points(points bigint, floor bigint, cap bigint)
returns bigint language sql immutable parallel safe
return greatest(least(points, cap), floor);
create function band_of(shown bigint, keys text[], leasts bigint[])
returns text language sql immutable parallel safe
return keys[width_bucket(shown, leasts)];

-- step: brief
alter type message_kind add value 'band_changed';

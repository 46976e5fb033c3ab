-- name: flush
-- Adds counts of unmatched types; types beyond the first $9 of an account are counted under ''. A sample stays until it
-- is forgotten ('{}'). Samples ($6), of these contacts ($7) and dates ($8), are left out where a deletion has taken the
-- event away meanwhile.
with counted as (
    select t.account_id, t.type, t.count, t.first_seen_at, t.last_seen_at, t.ordinal,
        case when gone.id is null then t.sample else '{}' end as sample
    from rows from (unnest($1::int[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::timestamptz[]),
                    unnest($5::timestamptz[]), unnest($6::text[]), unnest($7::text[]), unnest($8::timestamptz[]))
        with ordinality as t(account_id, type, count, first_seen_at, last_seen_at, sample, contact, occurred_at, ordinal)
    cross join installation i
    left join lateral (
        select id from (
            select id, deleted_before from contacts c where c.account_id = t.account_id and c.external_id = t.contact
            union all
            select id, deleted_before from contacts c
            where c.account_id = t.account_id
                and c.id_hash = sha256(i.salt || convert_to(t.account_id || E'\x1f' || t.contact, 'UTF8'))) c
        where c.deleted_before > t.occurred_at
        offset 0) gone on true
), placed as (
    select t.*,
        i.type is not null or $9 >= (select count(*) from inbox k where k.account_id = t.account_id and k.type <> '')
            + count(*) filter (where i.type is null) over (partition by t.account_id order by t.ordinal) as has_room
    from counted t left join inbox i using (account_id, type)
)
insert into inbox as i (account_id, type, count, first_seen_at, last_seen_at, sample)
select account_id, case when has_room then type else '' end, sum(count), min(first_seen_at), max(last_seen_at),
    (array_agg(sample order by ordinal))[1]
from placed
group by 1, 2
order by 1, 2
on conflict (account_id, type) do update
set count = i.count + excluded.count, last_seen_at = excluded.last_seen_at,
    sample = case when i.sample = '{}' then excluded.sample else i.sample end
;

-- name: page
-- Types of an account ($1) that no definition takes unconditionally, most frequent first, after a count and type ($2, $3;
-- null: from the beginning). An account has at most 1,001 (inbox_pkey).
select type, count, first_seen_at, last_seen_at, sample
from inbox
where account_id = $1 and ($2::bigint is null or count < $2 or (count = $2 and type > $3))
  and not exists (select from definitions taken
                  where taken.account_id = $1 and taken.active and taken.conditions = '[]'
                    and inbox.type = any(taken.events))
order by count desc, type
limit $4;

-- name: sample
-- The sample of a type in an account's inbox (inbox_pkey), and since when it has come; none for the types counted under ''.
select sample, first_seen_at from inbox where account_id = $1 and type = $2 and type <> '';

-- Judges a batch of claimed events and folds them into timeline, gates, tallies, scores and the outbox.
--
-- The caller holds the contacts' row locks, taken by an earlier statement, so that this one sees their current rows.
-- The parts are named and ordered like the path. The rule is docs/semantics.md §4, cooldown in functions/cooldown.sql.
with
-- The batch: events, and the definitions that take them. Columns come as one text each
-- (consumer/infra/postgres/column_params.py). Events without a contact are those that are not applied.
event as materialized (
    select e.ordinal, e.contact_id, e.account_id, e.shard, e.subject, e.occurred,
        timestamptz 'epoch' + e.occurred * interval '1 microsecond' as occurred_at,
        substring($5::bytea from (e.ordinal::int - 1) * 16 + 1 for 16) as event_key,
        e.settled, e.excluded, e.type, e.source, e.event_id, e.object_id, e.actor_id, e.actor_type, e.data
    from rows from (
        unnest($1::text::bigint[]), unnest($2::text::smallint[]), unnest($3::text::int[]),
        string_to_table($4::text, E'\x1f'), unnest($6::text::bigint[]), unnest($7::text::bool[]),
        unnest($8::text::bool[]), string_to_table($9::text, E'\x1f'), string_to_table($10::text, E'\x1f'),
        string_to_table($11::text, E'\x1f'), string_to_table($12::text, E'\x1f', E'\x1e'),
        string_to_table($13::text, E'\x1f', E'\x1e'), string_to_table($14::text, E'\x1f', E'\x1e'),
        string_to_table($15::text, E'\x1f'))
        with ordinality as e(contact_id, shard, account_id, subject, occurred, settled, excluded, type, source,
                             event_id, object_id, actor_id, actor_type, data, ordinal)
    where e.contact_id is not null
),
contact as materialized (
    select distinct on (contact_id) contact_id, account_id, shard, subject from event order by contact_id
),
matched as materialized (
    select *
    from rows from (unnest($16::text::int[]), unnest($17::text::int[]), unnest($18::text::int[]))
        as m(ordinal, definition_id, xp_worth)
),

created as materialized (
    select * from rows from (unnest($21::text::int[]), unnest($22::text::bigint[])) as c(account_id, contact_id)
),

-- The configuration that these need, looked up by key: nothing here grows with the number of accounts.
definition as materialized (
    select d.id as definition_id, d.account_id, d.key, d.edition, d.policy, d.per, d.counted,
        make_interval(secs => d.interval_seconds) as span
    from (select distinct definition_id from matched) m
    cross join lateral (select * from definitions d where d.id = m.definition_id offset 0) d
),
account as materialized (
    select a.id as account_id, a.key
    from (select distinct account_id from contact) c
    cross join lateral (select id, key from accounts a where a.id = c.account_id offset 0) a
),
weight as materialized ( -- under every version that is published or being built
    select w.definition_id, w.profile_id, w.version, w.group_id, w.weight, p.key as profile,
        p.published_version = w.version as is_published
    from definition d
    cross join lateral (select * from version_weights w where w.definition_id = d.definition_id offset 0) w
    cross join lateral (
        select true from profile_versions v
        where v.profile_id = w.profile_id and v.version = w.version and v.state in ('building', 'published')
        offset 0) v
    cross join lateral (select key, published_version from profiles p where p.id = w.profile_id offset 0) p
),

entry as materialized (
    select m.ordinal, e.contact_id, m.definition_id, d.policy,
        case when d.per = 'object' then coalesce(e.object_id, '') else '' end as object_key,
        e.occurred_at, e.event_key, e.settled, e.excluded, m.xp_worth
    from matched m
    join event e using (ordinal)
    join definition d using (definition_id)
),

-- The gates of the dedup keys in the batch. A key is late if its first new event lies before its last counted one:
-- the stored verdicts after it are judged again. `always` has no gates.
keyed as materialized ( -- `key` numbers the dedup keys of the batch
    select *, dense_rank() over (order by contact_id, definition_id, object_key) as key
    from entry
    where policy <> 'always' and not excluded
),
dedup_key as (
    select distinct on (k.key)
        k.key, d.account_id, k.contact_id, k.definition_id, k.object_key, d.edition, d.policy, d.per, d.span,
        case when not k.settled then k.occurred_at end as first_at, -- null: only settled events came
        case when not k.settled then k.event_key end as first_key
    from keyed k join definition d using (definition_id)
    order by k.key, k.settled, k.occurred_at, k.event_key
),
gate as (
    select k.*, g.contact_id is not null as known, g.last_counted_at, g.last_counted_key,
        (k.first_at, k.first_key) < (g.last_counted_at, g.last_counted_key) is true as late,
        case
            when g.contact_id is not null or k.edition = 1 then g.last_fixed_at
            else ( -- the key's first event: counted entries of older editions are its fixed points
                select max(t.occurred_at)
                from timeline t
                where t.account_id = k.account_id and t.contact_id = k.contact_id
                    and t.definition_id = k.definition_id and t.edition < k.edition and t.verdict = 'counted'
                    and (k.per = 'contact' or coalesce(t.object_id, '') = k.object_key))
        end as last_fixed_at
    from dedup_key k
    left join lateral ( -- fenced by `offset 0`: by key, and no sequential scan while the table has no statistics
        select * from gates g
        where g.contact_id = k.contact_id and g.definition_id = k.definition_id
            and g.edition = k.edition and g.object_key = k.object_key
        offset 0) g on true
),
walk as materialized (
    select g.*,
        case
            when not late then last_counted_at
            when policy = 'cooldown' then ( -- the last counted one before the late event, if within `span` of it
                select t.occurred_at
                from timeline t
                where t.account_id = g.account_id and t.contact_id = g.contact_id
                    and t.occurred_at > g.first_at - g.span and t.occurred_at <= g.first_at
                    and (t.occurred_at, t.event_key) < (g.first_at, g.first_key)
                    and t.definition_id = g.definition_id and t.edition = g.edition
                    and t.verdict = 'counted' and not t.settled
                    and (g.per = 'contact' or coalesce(t.object_id, '') = g.object_key)
                order by t.occurred_at desc, t.event_key desc
                limit 1)
        end as start_at
    from gate g
),

-- Judge: the ordinary events in event order, new ones and, of late keys, the stored ones after them.
-- Of a `once` key only the one that counts can change.
stored as (
    select w.key, t.occurred_at, t.event_key, t.verdict, t.xp_worth, t.credit_number
    from walk w
    cross join lateral ( -- fenced by `offset 0`: by the primary key for each late key, never the months as a whole
        select t.* from timeline t
        where t.account_id = w.account_id and t.contact_id = w.contact_id
            and t.occurred_at >= w.first_at
            and t.occurred_at <= case when w.policy = 'once' then w.last_counted_at else 'infinity' end
            and (t.occurred_at, t.event_key) > (w.first_at, w.first_key)
            and t.definition_id = w.definition_id and t.edition = w.edition
            and not t.settled and t.verdict <> 'excluded'
            and (w.per = 'contact' or coalesce(t.object_id, '') = w.object_key)
            and (w.policy = 'cooldown' or t.verdict = 'counted')
        offset 0) t
    where w.late
),
candidate as (
    select key, occurred_at, event_key, null::verdict as verdict_before, xp_worth, 0 as credit_number, ordinal
    from keyed
    where not settled
    union all
    select key, occurred_at, event_key, verdict, xp_worth, credit_number, null from stored
),
ordinary as (
    select c.*, w.contact_id, w.definition_id, w.policy, w.span, w.start_at,
        case w.policy
            when 'once' then w.last_fixed_at is not null or (w.last_counted_at is not null and not w.late)
            else c.occurred_at < w.last_fixed_at + w.span is true
                and exists (
                    select from timeline t
                    where t.account_id = w.account_id and t.contact_id = w.contact_id
                        and t.occurred_at > c.occurred_at - w.span and t.occurred_at < c.occurred_at + w.span
                        and t.definition_id = w.definition_id and t.verdict = 'counted'
                        and (t.settled or t.edition < w.edition)
                        and (w.per = 'contact' or coalesce(t.object_id, '') = w.object_key))
        end as blocked
    from candidate c join walk w using (key)
),
walked as (
    select *,
        last_counted(occurred_at, span, blocked, start_at) over in_order as state,
        row_number() over in_order as place
    from ordinary
    window in_order as (partition by key order by occurred_at, event_key rows unbounded preceding)
),
judged as materialized (
    select key, contact_id, definition_id, policy, occurred_at, event_key, xp_worth, credit_number, ordinal,
        verdict_before,
        case policy
            when 'once' then not blocked and place = 1
            else state is distinct from
                coalesce(lag(state) over (partition by key order by occurred_at, event_key), start_at)
        end as counts
    from walked
),

-- Settled events: judged once, after the ordinary ones, against whatever counts on either side of them.
settled_walked as (
    select s.*,
        last_counted(occurred_at, span, blocked, null) over in_order as state,
        row_number() over in_order as place
    from (
        select e.*, w.span,
            case e.policy
                when 'once' then w.last_counted_at is not null or w.last_fixed_at is not null
                    or exists (select from judged j where j.counts and j.key = e.key)
                else exists (select from judged j
                             where j.counts and j.key = e.key
                                 and j.occurred_at > e.occurred_at - w.span
                                 and j.occurred_at < e.occurred_at + w.span)
                    or exists (
                        select from timeline t
                        where t.account_id = w.account_id and t.contact_id = e.contact_id
                            and t.occurred_at > e.occurred_at - w.span and t.occurred_at < e.occurred_at + w.span
                            and t.definition_id = e.definition_id and t.verdict = 'counted'
                            and (w.per = 'contact' or coalesce(t.object_id, '') = e.object_key)
                            -- what was judged again above is in `judged` with its new verdict
                            and (t.settled or t.edition < w.edition or not w.late
                                 or (t.occurred_at, t.event_key) < (w.first_at, w.first_key)))
            end as blocked
        from keyed e join walk w using (key)
        where e.settled
    ) s
    window in_order as (partition by key order by occurred_at, event_key rows unbounded preceding)
),
settled_judged as materialized (
    select *,
        case policy
            when 'once' then not blocked and place = 1
            else state is distinct from lag(state) over (partition by key order by occurred_at, event_key)
        end as counts
    from settled_walked
),

-- Every verdict of this batch: of the new entries, and of stored ones that were judged again.
decision as materialized (
    select contact_id, definition_id, occurred_at, event_key, xp_worth, credit_number, ordinal, verdict_before,
        (case when counts then 'counted' when policy = 'once' then 'already_counted'
              else 'cooling_down' end)::verdict as verdict
    from judged
    union all
    select contact_id, definition_id, occurred_at, event_key, xp_worth, 0, ordinal, null,
        (case when counts then 'counted' when policy = 'once' then 'already_counted'
              else 'cooling_down' end)::verdict
    from settled_judged
    union all
    select contact_id, definition_id, occurred_at, event_key, xp_worth, 0, ordinal, null,
        (case when excluded then 'excluded' else 'counted' end)::verdict
    from entry
    where policy = 'always' or excluded
),
-- Entries whose counted state flips. xp_due: an XP message is due, i.e. the parity of credit_number does not match the
-- new state (it can already match after a rejudgement without XP).
change as materialized (
    select contact_id, definition_id, occurred_at, event_key, ordinal, verdict, xp_worth,
        credit_number + 1 as credit_number, case verdict when 'counted' then 1 else -1 end as step,
        xp_worth <> 0 and (credit_number % 2 = 1) <> (verdict = 'counted') as xp_due
    from decision
    where (verdict = 'counted') <> (verdict_before is not null and verdict_before = 'counted')
),

-- Timeline.
recorded as (
    insert into timeline (account_id, contact_id, occurred_at, event_key, definition_id, edition, verdict, settled,
                          xp_worth, credit_number, type, source, event_id, object_id, actor_id, actor_type, data,
                          recorded_at)
    select e.account_id, e.contact_id, e.occurred_at, e.event_key, n.definition_id, n.edition, d.verdict, e.settled,
        d.xp_worth, (d.verdict = 'counted' and d.xp_worth <> 0)::int, e.type, e.source, e.event_id, e.object_id,
        e.actor_id, e.actor_type, e.data, now()
    from decision d join event e using (ordinal) join definition n using (definition_id)
    returning verdict
),
flipped as (
    update timeline t
    set verdict = d.verdict,
        credit_number = d.credit_number
            + (d.xp_worth <> 0 and (d.credit_number % 2 = 1) <> (d.verdict = 'counted'))::int
    from decision d join definition n using (definition_id)
    where d.ordinal is null and d.verdict <> d.verdict_before
        -- Equality, written so that only the primary key can serve it: no join reads whole partitions.
        and t.occurred_at between d.occurred_at and d.occurred_at
        and (t.account_id, t.contact_id, t.occurred_at, t.event_key, t.definition_id)
            >= (n.account_id, d.contact_id, d.occurred_at, d.event_key, d.definition_id)
        and (t.account_id, t.contact_id, t.occurred_at, t.event_key, t.definition_id)
            <= (n.account_id, d.contact_id, d.occurred_at, d.event_key, d.definition_id)
    returning t.contact_id, t.occurred_at, t.event_key, t.definition_id, t.type, t.source, t.event_id, t.actor_id
),

-- Tallies, and the gates after the batch; a gate judged again may move back.
tally_step as materialized (
    select contact_id, definition_id, sum(step) as step
    from change
    group by contact_id, definition_id
    having sum(step) <> 0
),
tallied as (
    insert into tallies as t (contact_id, definition_id, edition, count)
    select s.contact_id, s.definition_id, d.edition, s.step from tally_step s join definition d using (definition_id)
    order by s.contact_id, s.definition_id
    on conflict (contact_id, definition_id, edition) do update set count = t.count + excluded.count
    returning 1
),
first_counted as (
    update definitions set counted = true
    where id = any (array(
        select distinct definition_id from tally_step join definition using (definition_id) where not counted))
    returning 1
),
last_judged as (
    select distinct on (key) key, occurred_at, event_key
    from judged
    where counts
    order by key, occurred_at desc, event_key desc
),
last_settled as (
    select key, max(occurred_at) as occurred_at
    from settled_judged
    where counts
    group by key
),
gate_after as (
    select w.contact_id, w.definition_id, w.edition, w.object_key, w.known,
        w.last_counted_at as counted_at_before, w.last_counted_key as counted_key_before,
        w.last_fixed_at as fixed_at_before,
        -- Of a late key some event always counts: the late one, or the one that counted before it arrived.
        coalesce(j.occurred_at, w.last_counted_at) as last_counted_at,
        coalesce(j.event_key, w.last_counted_key) as last_counted_key,
        greatest(w.last_fixed_at, s.occurred_at) as last_fixed_at
    from walk w
    left join last_judged j using (key)
    left join last_settled s using (key)
),
gated as (
    insert into gates (contact_id, definition_id, edition, object_key, last_counted_at, last_counted_key,
                       last_fixed_at)
    select contact_id, definition_id, edition, object_key, last_counted_at, last_counted_key, last_fixed_at
    from gate_after
    where not known or (last_counted_at, last_counted_key, last_fixed_at)
        is distinct from (counted_at_before, counted_key_before, fixed_at_before)
    order by contact_id, definition_id, edition, object_key
    on conflict (contact_id, definition_id, edition, object_key) do update
    set last_counted_at = excluded.last_counted_at, last_counted_key = excluded.last_counted_key,
        last_fixed_at = excluded.last_fixed_at
    returning 1
),

-- Scores: tally steps × weights of every published or building version, by group, and overall (group 0), which new
-- contacts get at once.
score_step as materialized (
    select t.contact_id, w.profile_id, w.version, w.is_published,
        case when grouping(w.group_id) = 0 then w.group_id else 0 end as group_id,
        sum(t.step * w.weight)::bigint as points
    from tally_step t join weight w using (definition_id)
    group by grouping sets (
        (t.contact_id, w.profile_id, w.version, w.is_published, w.group_id),
        (t.contact_id, w.profile_id, w.version, w.is_published))
),
-- Messages: one per contact and profile whose published scores changed: the score before, and the points of these
-- events. They are stored as facts, in the order in which consumer/relay/message_json.py takes them apart.
moved as materialized (
    select contact_id, profile_id, version, array_agg(group_id) as step_groups, array_agg(points) as step_points
    from score_step
    where is_published and points <> 0
    group by contact_id, profile_id, version
),
known as materialized (
    select m.*, s.*
    from moved m
    cross join lateral ( -- `+ 0`: by the primary key, not the index that lists are sorted by
        select max(s.message_version) as message_version,
            max(s.version) filter (where s.message_version is not null) as announced_version,
            array_agg(s.group_id) filter (where s.version = m.version) as stands_groups,
            array_agg(s.points) filter (where s.version = m.version) as stands_points,
            array_agg(s.group_id) filter (where s.version < m.version) as older_groups,
            array_agg(s.points) filter (where s.version < m.version) as older_points
        from scores s
        where s.contact_id = m.contact_id and s.profile_id + 0 = m.profile_id and s.version <= m.version
        offset 0) s
),
-- If a contact's flip is not announced yet, it is announced in the same message (causes publish,events). The two may
-- cancel out: then there is no message.
announced as materialized (
    select k.contact_id, k.profile_id, k.version, coalesce(k.message_version, 0) + 1 as message_version,
        case when p.by_publish then 'publish,events' else 'events' end as causes,
        case when k.announced_version = k.version then k.stands_groups
             when k.announced_version is not null then k.older_groups end as said_groups,
        case when k.announced_version = k.version then k.stands_points
             when k.announced_version is not null then k.older_points end as said_points,
        case when k.announced_version is distinct from k.version then k.stands_groups end as stands_groups,
        case when k.announced_version is distinct from k.version then k.stands_points end as stands_points,
        k.step_groups, k.step_points
    from known k
    cross join lateral (
        select bool_or(stands <> said) as by_publish, bool_or(stands + step <> said) as differs
        from (
            select sum(stands) as stands, sum(said) as said, sum(step) as step
            from (
                select group_id, points as stands, 0 as said, 0 as step
                from unnest(k.stands_groups, k.stands_points) as its_stands(group_id, points)
                union all
                select group_id, 0, points, 0
                from unnest(k.older_groups, k.older_points) as its_older(group_id, points)
                where k.announced_version is not null
                union all
                select group_id, 0, 0, points
                from unnest(k.step_groups, k.step_points) as its_steps(group_id, points)
            ) s
            -- Only for the few contacts to which a publish may still have to be announced.
            where k.announced_version is distinct from k.version and k.stands_groups is not null
            group by group_id
        ) by_group
        offset 0) p
    where p.differs is not false
),
-- The scores; the overall one has the version of its last message.
scored as (
    insert into scores as s (contact_id, profile_id, version, group_id, points, message_version)
    select p.contact_id, p.profile_id, p.version, p.group_id, p.points, t.message_version
    from score_step p
    left join announced t on t.contact_id = p.contact_id and t.profile_id = p.profile_id and t.version = p.version
        and p.group_id = 0
    union all
    select contact_id, profile_id, version, 0, 0, null
    from (
        select n.contact_id, v.profile_id, v.version
        from created n
        join (
            select a.account_id, p.id as profile_id, v.version
            from (select distinct account_id from created) a
            cross join lateral (select id from profiles p where p.account_id = a.account_id offset 0) p
            cross join lateral (
                select version from profile_versions v
                where v.profile_id = p.id and v.state in ('building', 'published')
                offset 0) v
        ) v using (account_id)
        except
        select contact_id, profile_id, version from score_step
    ) untouched
    order by 1, 2, 3, 4
    on conflict (contact_id, profile_id, version, group_id) do update
    set points = s.points + excluded.points,
        message_version = coalesce(excluded.message_version, s.message_version)
    where excluded.points <> 0 or excluded.message_version is not null
    returning 1
),

-- Changes with the fields that messages show; those of stored entries come from the timeline.
shown as materialized (
    select contact_id, definition_id, occurred_at, event_key, verdict, step, xp_worth, credit_number, xp_due, actor_id,
        occurred, event_id, source, type
    from (
        select c.*, e.actor_id, e.occurred, e.event_id, e.source, e.type from change c join event e using (ordinal)
        union all
        select c.*, f.actor_id, (extract(epoch from f.occurred_at) * 1000000)::bigint, f.event_id, f.source, f.type
        from change c join flipped f using (contact_id, definition_id, occurred_at, event_key)
    ) s
),
contribution as (
    select c.*, row_number() over (partition by contact_id, profile_id
                                   order by occurred_at, event_key, definition) as place
    from (
        select s.contact_id, w.profile_id, s.occurred_at, s.event_key, d.key as definition,
            concat_ws(E'\x1d', s.event_id, s.source, s.type, s.occurred, d.key, s.verdict, s.step * w.weight) as event
        from shown s
        join weight w on w.definition_id = s.definition_id and w.is_published and w.weight <> 0
        join definition d on d.definition_id = s.definition_id
        offset 0 -- first these, which are few
    ) c
    join announced using (contact_id, profile_id)
),
contributed as (
    select contact_id, profile_id, count(*) as event_count,
        string_agg(event, E'\x1e' order by place) filter (where place <= 20) as events
    from contribution
    group by contact_id, profile_id
),
message as materialized (
    select c.shard, 'score_changed'::message_kind as kind,
        concat_ws(E'\x1f', a.key, c.subject, p.profile, s.version, s.message_version, s.causes,
                  coalesce(s.said_groups::text, ''), coalesce(s.said_points::text, ''),
                  coalesce(s.stands_groups::text, ''), coalesce(s.stands_points::text, ''),
                  s.step_groups, s.step_points, e.event_count, e.events) as facts
    from announced s
    join contributed e using (contact_id, profile_id)
    join (select distinct profile_id, profile from weight) p using (profile_id)
    join contact c using (contact_id)
    join account a using (account_id)
    union all
    select c.shard, 'xp_credited',
        concat_ws(E'\x1f', a.key, c.subject, h.actor_id, encode(h.event_key, 'hex'), d.key, h.credit_number,
                  h.step * h.xp_worth, h.occurred, h.event_id, h.source, h.type)
    from shown h
    join contact c using (contact_id)
    join account a using (account_id)
    join definition d using (definition_id)
    where h.xp_due
    union all
    select d.shard, 'dead_letter', d.id::text
    from unnest($19::bigint[], $20::smallint[]) as d(id, shard)
),
grouped as materialized (
    select coalesce(json_object_agg(a.key, g.groups), '{}')::text as groups
    from account a
    cross join lateral (select groups from groups_told g where g.account_id = a.account_id offset 0) g
),

-- Outbox: the head is taken last and held to the commit, so that position order is commit order.
done as materialized (
    select r.*,
        (select count(*) from flipped) as flipped,
        (select count(*) from change where step < 0 and xp_due) as reversed,
        (select count(*) from tallied) + (select count(*) from first_counted) + (select count(*) from gated)
            + (select count(*) from scored) as folded
    from (
        select count(*) as entries,
            count(*) filter (where verdict = 'counted') as counted,
            count(*) filter (where verdict = 'already_counted') as already_counted,
            count(*) filter (where verdict = 'cooling_down') as cooling_down,
            count(*) filter (where verdict = 'excluded') as excluded
        from recorded
    ) r
),
posted as (
    insert into outbox (shard, first_position, kinds, facts, groups, committed_at)
    select shard, take_positions(shard, messages), kinds, facts, (select groups from grouped), clock_timestamp()
    from (
        select m.shard, count(*) as messages, array_agg(m.kind) as kinds, array_agg(m.facts) as facts
        from message m cross join done
        group by m.shard
        order by m.shard
    ) by_shard
    returning cardinality(kinds) as messages
)
select done.*, (select coalesce(sum(messages), 0) from posted) as messages from done

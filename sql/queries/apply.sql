-- Judges a batch of claimed events and folds them into timeline, gates, tallies, scores and the outbox.
--
-- The caller holds the contacts' row locks, taken by an earlier statement, so everything that hangs on them is
-- read here as it stands. The parts are named and ordered like the path; the rule is docs/semantics.md §4.
with
-- The batch: events of known contacts, and which definitions take them.
event as materialized (
    select *
    from unnest($1::int[], $2::bigint[], $3::timestamptz[], $4::bytea[], $5::bool[], $6::bool[], $7::text[],
                $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
        with ordinality as e(account_id, contact_id, occurred_at, event_key, settled, excluded, type, source,
                             event_id, object_id, actor_id, actor_type, data, ordinal)
),
entry as materialized (
    select e.account_id, e.contact_id, m.definition_id, d.edition, d.policy, d.per,
        make_interval(secs => d.interval_seconds) as span,
        case when d.per = 'object' then coalesce(e.object_id, '') else '' end as object_key,
        e.occurred_at, e.event_key, e.settled, e.excluded, m.xp_worth, e.type, e.source, e.event_id, e.actor_id,
        e.ordinal
    from unnest($14::int[], $15::int[], $16::int[]) as m(ordinal, definition_id, xp_worth)
    join event e using (ordinal)
    join definitions d on d.id = m.definition_id
),

-- Gates: what is remembered of the dedup keys concerned. A key whose first new event lies before its last
-- counted one is late: the stored verdicts after it are judged again. `always` remembers nothing.
dedup_key as materialized (
    select distinct on (contact_id, definition_id, object_key)
        account_id, contact_id, definition_id, object_key, edition, policy, per, span,
        case when not settled then occurred_at end as first_at, -- null: only settled events came
        case when not settled then event_key end as first_key
    from entry
    where policy <> 'always' and not excluded
    order by contact_id, definition_id, object_key, settled, occurred_at, event_key
),
gate as materialized (
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
    left join lateral ( -- fenced by `offset 0`: by key, not the table as a whole while nobody has counted it yet
        select * from gates g
        where g.contact_id = k.contact_id and g.definition_id = k.definition_id
            and g.edition = k.edition and g.object_key = k.object_key
        offset 0) g on true
),
walk as materialized (
    select g.*,
        case
            when not late then last_counted_at
            when policy = 'cooldown' then ( -- the last one counted before the late event, if it still reaches
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
    select w.contact_id, w.definition_id, w.object_key, t.occurred_at, t.event_key, t.verdict, t.xp_worth,
        t.credit_number, t.type, t.source, t.event_id, t.actor_id
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
    select contact_id, definition_id, object_key, occurred_at, event_key, null::verdict as verdict_before,
        xp_worth, 0 as credit_number, type, source, event_id, actor_id, ordinal
    from entry
    where policy <> 'always' and not excluded and not settled
    union all
    select contact_id, definition_id, object_key, occurred_at, event_key, verdict, xp_worth, credit_number, type,
        source, event_id, actor_id, null
    from stored
),
ordinary as (
    select c.*, w.account_id, w.edition, w.policy, w.span, w.start_at,
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
    from candidate c join walk w using (contact_id, definition_id, object_key)
),
walked as (
    select *,
        last_counted(occurred_at, span, blocked, start_at) over in_order as state,
        row_number() over in_order as place
    from ordinary
    window in_order as (partition by contact_id, definition_id, object_key order by occurred_at, event_key
                        rows unbounded preceding)
),
judged as materialized (
    select *,
        case policy
            when 'once' then not blocked and place = 1
            else state is distinct from coalesce(
                lag(state) over (partition by contact_id, definition_id, object_key
                                 order by occurred_at, event_key), start_at)
        end as counts
    from walked
),

-- Settled events: judged once, after the ordinary ones, against whatever counts on either side of them.
settled_walked as (
    select s.*,
        last_counted(occurred_at, span, blocked, null) over in_order as state,
        row_number() over in_order as place
    from (
        select e.*,
            case e.policy
                when 'once' then w.last_counted_at is not null or w.last_fixed_at is not null
                    or exists (select from judged j
                               where j.counts and j.contact_id = e.contact_id
                                   and j.definition_id = e.definition_id and j.object_key = e.object_key)
                else exists (select from judged j
                             where j.counts and j.contact_id = e.contact_id
                                 and j.definition_id = e.definition_id and j.object_key = e.object_key
                                 and j.occurred_at > e.occurred_at - e.span
                                 and j.occurred_at < e.occurred_at + e.span)
                    or exists (
                        select from timeline t
                        where t.account_id = e.account_id and t.contact_id = e.contact_id
                            and t.occurred_at > e.occurred_at - e.span and t.occurred_at < e.occurred_at + e.span
                            and t.definition_id = e.definition_id and t.verdict = 'counted'
                            and (e.per = 'contact' or coalesce(t.object_id, '') = e.object_key)
                            -- what was judged again above stands there as it is now
                            and (t.settled or t.edition < e.edition or not w.late
                                 or (t.occurred_at, t.event_key) < (w.first_at, w.first_key)))
            end as blocked
        from entry e join walk w using (contact_id, definition_id, object_key)
        where e.settled and not e.excluded and e.policy <> 'always'
    ) s
    window in_order as (partition by contact_id, definition_id, object_key order by occurred_at, event_key
                        rows unbounded preceding)
),
settled_judged as materialized (
    select *,
        case policy
            when 'once' then not blocked and place = 1
            else state is distinct from lag(state) over (partition by contact_id, definition_id, object_key
                                                         order by occurred_at, event_key)
        end as counts
    from settled_walked
),

-- Every verdict of this batch: of the new entries, and of stored ones that were judged again.
decision as materialized (
    select account_id, contact_id, definition_id, edition, occurred_at, event_key, false as settled, xp_worth,
        credit_number, type, source, event_id, actor_id, ordinal, verdict_before,
        (case when counts then 'counted' when policy = 'once' then 'already_counted'
              else 'cooling_down' end)::verdict as verdict
    from judged
    union all
    select account_id, contact_id, definition_id, edition, occurred_at, event_key, true, xp_worth,
        0, type, source, event_id, actor_id, ordinal, null,
        (case when counts then 'counted' when policy = 'once' then 'already_counted'
              else 'cooling_down' end)::verdict
    from settled_judged
    union all
    select account_id, contact_id, definition_id, edition, occurred_at, event_key, settled, xp_worth,
        0, type, source, event_id, actor_id, ordinal, null,
        (case when excluded then 'excluded' else 'counted' end)::verdict
    from entry
    where policy = 'always' or excluded
),
-- Those that now count and did not, or did and no longer do; with the number of their XP message, if any.
change as materialized (
    select account_id, contact_id, definition_id, edition, occurred_at, event_key, type, source, event_id,
        actor_id, verdict, xp_worth, credit_number + 1 as credit_number,
        case verdict when 'counted' then 1 else -1 end as step
    from decision
    where (verdict = 'counted') <> (verdict_before is not null and verdict_before = 'counted')
),

-- Timeline.
recorded as (
    insert into timeline (account_id, contact_id, occurred_at, event_key, definition_id, edition, verdict, settled,
                          xp_worth, credit_number, type, source, event_id, object_id, actor_id, actor_type, data,
                          recorded_at)
    select d.account_id, d.contact_id, d.occurred_at, d.event_key, d.definition_id, d.edition, d.verdict, d.settled,
        d.xp_worth, (d.verdict = 'counted' and d.xp_worth <> 0)::int, e.type, e.source, e.event_id, e.object_id,
        e.actor_id, e.actor_type, e.data, now()
    from decision d join event e using (ordinal)
    returning verdict
),
flipped as (
    update timeline t
    set verdict = d.verdict, credit_number = d.credit_number + (d.xp_worth <> 0)::int
    from decision d
    where d.ordinal is null and d.verdict <> d.verdict_before
        -- Equality, said so that nothing but the primary key serves: no join reads the months as a whole.
        and t.occurred_at between d.occurred_at and d.occurred_at
        and (t.account_id, t.contact_id, t.occurred_at, t.event_key, t.definition_id)
            >= (d.account_id, d.contact_id, d.occurred_at, d.event_key, d.definition_id)
        and (t.account_id, t.contact_id, t.occurred_at, t.event_key, t.definition_id)
            <= (d.account_id, d.contact_id, d.occurred_at, d.event_key, d.definition_id)
    returning t.account_id, t.contact_id, t.occurred_at, t.event_key, t.definition_id
),

-- Tallies, and gates as they stand after the batch; a gate judged again may move back.
tally_step as materialized (
    select account_id, contact_id, definition_id, edition, sum(step) as step
    from change
    group by account_id, contact_id, definition_id, edition
    having sum(step) <> 0
),
tallied as (
    insert into tallies as t (contact_id, definition_id, edition, count)
    select contact_id, definition_id, edition, step from tally_step
    order by contact_id, definition_id, edition
    on conflict (contact_id, definition_id, edition) do update set count = t.count + excluded.count
    returning 1
),
first_counted as (
    update definitions set counted = true
    where not counted and id in (select definition_id from tally_step)
    returning 1
),
last_judged as (
    select distinct on (contact_id, definition_id, object_key)
        contact_id, definition_id, object_key, occurred_at, event_key
    from judged
    where counts
    order by contact_id, definition_id, object_key, occurred_at desc, event_key desc
),
last_settled as (
    select contact_id, definition_id, object_key, max(occurred_at) as occurred_at
    from settled_judged
    where counts
    group by contact_id, definition_id, object_key
),
gate_after as (
    select w.contact_id, w.definition_id, w.edition, w.object_key, w.known,
        w.last_counted_at as counted_at_before, w.last_counted_key as counted_key_before,
        w.last_fixed_at as fixed_at_before,
        -- Of a late key something always counts: the late event, or else what counted before it came.
        coalesce(j.occurred_at, w.last_counted_at) as last_counted_at,
        coalesce(j.event_key, w.last_counted_key) as last_counted_key,
        greatest(w.last_fixed_at, s.occurred_at) as last_fixed_at
    from walk w
    left join last_judged j using (contact_id, definition_id, object_key)
    left join last_settled s using (contact_id, definition_id, object_key)
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

-- Scores: differences × weights of every published or building version, by group, and overall (group 0), which new
-- contacts have from the beginning.
score_step as materialized (
    select t.account_id, t.contact_id, w.profile_id, w.version,
        case when grouping(w.group_id) = 0 then w.group_id else 0 end as group_id,
        sum(t.step * w.weight)::bigint as points
    from tally_step t
    join version_weights w on w.definition_id = t.definition_id
    join profile_versions v on v.profile_id = w.profile_id and v.version = w.version
        and v.state in ('building', 'published')
    group by grouping sets (
        (t.account_id, t.contact_id, w.profile_id, w.version, w.group_id),
        (t.account_id, t.contact_id, w.profile_id, w.version))
),
scored as (
    insert into scores as s (contact_id, profile_id, version, group_id, points)
    select contact_id, profile_id, version, group_id, points from score_step
    union all
    select contact_id, profile_id, version, 0, 0
    from (
        select n.contact_id, v.profile_id, v.version
        from unnest($19::int[], $20::bigint[]) as n(account_id, contact_id)
        join profiles p on p.account_id = n.account_id
        join profile_versions v on v.profile_id = p.id and v.state in ('building', 'published')
        except -- not an anti-join, which becomes a nested loop where few are expected
        select contact_id, profile_id, version from score_step
    ) untouched
    order by 1, 2, 3, 4
    on conflict (contact_id, profile_id, version, group_id) do update set points = s.points + excluded.points
    where excluded.points <> 0
    returning 1
),

-- Messages: one per contact and profile whose published scores changed, from what was last announced. Their JSON is
-- put together as text, which is cheaper than json_build_object; keys and words of our own need no quoting.
moved as materialized (
    select s.account_id, s.contact_id, s.profile_id, s.version, p.key as profile
    from score_step s
    join profiles p on p.id = s.profile_id and p.published_version = s.version
    where s.points <> 0
    group by s.account_id, s.contact_id, s.profile_id, s.version, p.key
),
-- What was last announced under the same version is what scores stood at before; they are read only after a publish
-- and for the first message.
known as materialized (
    select m.*, a.message_version, a.overall as overall_before, a.groups as announced,
        a.profile_version = m.version as is_current, s.groups as stored
    from moved m
    left join lateral (
        select * from announcements a where a.contact_id = m.contact_id and a.profile_id = m.profile_id
        offset 0) a on true
    left join lateral ( -- `+ 0`: by the primary key, not the index that lists are sorted by
        select jsonb_object_agg(s.group_id, s.points) as groups
        from scores s
        where a.profile_version is distinct from m.version
            and s.contact_id = m.contact_id and s.profile_id + 0 = m.profile_id and s.version = m.version
        offset 0) s on true
),
by_group as (
    select k.contact_id, k.profile_id, g.key, coalesce((k.announced ->> g.key)::bigint, 0) as previous,
        coalesce((case when k.is_current then k.announced ->> g.key else k.stored ->> g.id::text end)::bigint, 0)
            + coalesce(s.points, 0) as current,
        coalesce(s.points, 0) as step
    from known k
    join groups g on g.account_id = k.account_id
    left join score_step s on s.contact_id = k.contact_id and s.profile_id = k.profile_id and s.version = k.version
        and s.group_id = g.id
),
standing as (
    select contact_id, profile_id, sum(current)::bigint as overall, jsonb_object_agg(key, current) as groups,
        -- A publish that nobody has told of yet is told of here; it may just undo what the events did.
        bool_or(current - step <> previous) as by_publish, bool_or(current <> previous) as differs,
        string_agg(concat('"', key, '":{"previous":', previous, ',"current":', current, '}'), ',') as groups_shown
    from by_group
    group by contact_id, profile_id
),
contribution as (
    select m.contact_id, m.profile_id, c.occurred_at, c.event_key, c.event_id, c.source, c.type, c.verdict,
        d.key as definition, c.step * w.weight as points,
        row_number() over (partition by m.contact_id, m.profile_id
                           order by c.occurred_at, c.event_key, d.key) as place
    from moved m
    join change c on c.contact_id = m.contact_id
    join version_weights w on w.profile_id = m.profile_id and w.version = m.version
        and w.definition_id = c.definition_id and w.weight <> 0
    join definitions d on d.id = c.definition_id
),
contributed as (
    select contact_id, profile_id, count(*) as event_count,
        string_agg(concat(
            '{"id":', to_json(event_id), ',"source":', to_json(source), ',"type":', to_json(type),
            ',"occurred_at":"', rfc3339(occurred_at), '","definition":"', definition, '","verdict":"', verdict,
            '","points":', points, '}'), ',' order by place)
            filter (where place <= 20) as events
    from contribution
    group by contact_id, profile_id
),
-- Each of the three has every contact that moved; a full join is never a nested loop, whatever is estimated.
told as materialized (
    select *
    from known
    full join standing using (contact_id, profile_id)
    full join contributed using (contact_id, profile_id)
    where differs
),
announced as (
    insert into announcements as a (contact_id, profile_id, message_version, profile_version, overall, groups)
    select contact_id, profile_id, 1, version, overall, groups from told
    order by contact_id, profile_id
    on conflict (contact_id, profile_id) do update
    set message_version = a.message_version + 1, profile_version = excluded.profile_version,
        overall = excluded.overall, groups = excluded.groups
    returning 1
),
moment as materialized (
    select incarnation, rfc3339(now()) as at from installation
),
message as materialized (
    select c.shard, 'score_changed'::message_kind as kind, s.contact_id, s.profile_id::bigint as part,
        null::timestamptz as occurred_at, null::bytea as event_key,
        concat_ws(':', a.key, s.profile, c.external_id) as key,
        concat(
            '{"specversion":"1.0","id":',
            to_json(concat_ws(':', i.incarnation, a.key, s.profile, c.external_id,
                              coalesce(s.message_version, 0) + 1)),
            ',"source":"/engagement","type":"engagement.score.changed","time":"', i.at,
            '","subject":', to_json(c.external_id), ',"accountid":"', a.key,
            '","datacontenttype":"application/json","data":{"profile":"', s.profile,
            '","profile_version":', s.version, ',"version":', coalesce(s.message_version, 0) + 1,
            ',"causes":[', case when s.by_publish then '"publish",' end, '"events"],"overall":{"previous":',
            coalesce(s.overall_before, 0), ',"current":', s.overall,
            '},"groups":{', s.groups_shown, '},"events":[', s.events,
            '],"event_count":', coalesce(s.event_count, 0), '}}') as payload
    from told s
    cross join lateral (select external_id, shard from contacts c where c.id = s.contact_id offset 0) c
    join accounts a on a.id = s.account_id
    cross join moment i
    union all
    select c.shard, 'xp_credited', h.contact_id, h.definition_id, h.occurred_at, h.event_key,
        concat_ws(':', a.key, h.actor_id),
        concat(
            '{"specversion":"1.0","id":"', x.stem, h.credit_number,
            '","source":"/engagement","type":"engagement.xp.credited","time":"', i.at,
            '","subject":', to_json(h.actor_id), ',"accountid":"', a.key,
            '","datacontenttype":"application/json","data":{"amount":', h.step * h.xp_worth,
            ',"definition":"', d.key, '","contact":', to_json(c.external_id),
            ',"occurred_at":"', rfc3339(h.occurred_at),
            '","event":{"id":', to_json(h.event_id), ',"source":', to_json(h.source), ',"type":', to_json(h.type),
            '},"reverses":', case when h.step < 0 then concat('"', x.stem, h.credit_number - 1, '"') else 'null' end,
            '}}')
    from change h
    cross join lateral (select external_id, shard from contacts c where c.id = h.contact_id offset 0) c
    join accounts a on a.id = h.account_id
    join definitions d on d.id = h.definition_id
    cross join moment i
    cross join lateral (
        select concat_ws(':', i.incarnation, a.key, encode(h.event_key, 'hex'), d.key, '') as stem) x
    where h.xp_worth <> 0
    union all
    select d.shard, 'dead_letter', null, d.id, null, null, '', d.id::text
    from unnest($17::bigint[], $18::smallint[]) as d(id, shard)
),

-- Outbox: the head is taken last and held to the commit, so that position order is commit order.
done as materialized (
    select (select count(*) from recorded) as entries,
        (select count(*) from recorded where verdict = 'counted') as counted,
        (select count(*) from recorded where verdict = 'already_counted') as already_counted,
        (select count(*) from recorded where verdict = 'cooling_down') as cooling_down,
        (select count(*) from recorded where verdict = 'excluded') as excluded,
        (select count(*) from flipped) as flipped,
        (select count(*) from change where step < 0 and xp_worth <> 0) as reversed,
        (select count(*) from tallied) + (select count(*) from first_counted) + (select count(*) from gated)
            + (select count(*) from scored) + (select count(*) from announced) as folded
),
posted as (
    insert into outbox (shard, first_position, kinds, keys, payloads, committed_at)
    select shard, take_positions(shard, messages), kinds, keys, payloads, clock_timestamp()
    from (
        select m.shard, count(*) as messages,
            array_agg(m.kind order by m.kind, m.contact_id, m.part, m.occurred_at, m.event_key) as kinds,
            array_agg(m.key order by m.kind, m.contact_id, m.part, m.occurred_at, m.event_key) as keys,
            array_agg(m.payload order by m.kind, m.contact_id, m.part, m.occurred_at, m.event_key) as payloads
        from message m cross join done
        group by m.shard
        order by m.shard
    ) by_shard
    returning cardinality(kinds) as messages
)
select done.*, (select coalesce(sum(messages), 0) from posted) as messages from done

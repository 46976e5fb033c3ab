-- The cooldown rule, docs/semantics.md 4.5:
--
--     `cooldown i`: go through the events in event order. An event is `counted` if no event counted so far lies less
--     than `i` before it, and no fixed point lies less than `i` from it on either side; else it is `cooling_down`.
--
-- consumer/domain/verdict_rule.py is the same rule in plain Python. Fixed points, which no event may move, reach this
-- function as `blocked`: queries/apply.sql looks for them on either side of the event.

-- One step of the walk over a dedup key in event order. The state is the time of the last counted event, `start` before
-- the first step; an event counts if the step changes the state.
create function cooldown_step(last_counted timestamptz, occurred_at timestamptz, span interval, blocked boolean,
                              start timestamptz)
returns timestamptz language plpgsql immutable as $$
begin
    if blocked or occurred_at < coalesce(last_counted, start) + span then
        return coalesce(last_counted, start);
    end if;
    return occurred_at;
end $$;

create aggregate last_counted(occurred_at timestamptz, span interval, blocked boolean, start timestamptz) (
    sfunc = cooldown_step,
    stype = timestamptz
);

-- Takes `messages` consecutive positions of a shard and returns the first. A function, because it must read the head
-- after waiting for its row lock; the calling statement would see it as of its own beginning.
create function take_positions(of_shard smallint, messages bigint)
returns bigint language sql volatile as $$
    update outbox_heads set head = head + messages where shard = of_shard returning head - messages + 1
$$;

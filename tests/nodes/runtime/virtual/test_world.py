import math

import pytest
from support.staggered import plan, staggered_plans, trace_of

from rtgraph.msgs.errors import NodeError, WorldError
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld
from rtgraph.nodes.runtime.virtual.event_queue import MOST_EVENTS_AT_ONCE
from rtgraph.nodes.runtime.virtual.faults import CrashFault, EdgeFault


def world(*nodes, duration_ns=None, **more):
    """Return a world of (name, class of support.chatter, params, {input: publishers})."""
    plans = []
    for name, class_name, params, inputs in nodes:
        node = f"support.chatter:{class_name}"
        outputs = {"Echo": "pong", "Stopping": "pong", "Source": "ping", "Mailer": "ping"}.get(class_name, "")
        made = plan(len(plans), name, node, params, "", {"ping": inputs} if inputs is not None else {})
        plans.append(made.model_copy(update={"outputs": {outputs: "ping"} if outputs else {}}))
    launch_context = LaunchContext(limits=RunLimits(duration_ns=duration_ns))
    return VirtualWorld(plans, launch_context=launch_context, **more)


def ran(*nodes, **more):
    made = world(*nodes, **more)
    made.run()
    return made


def every(period_ns, count):
    return {"times_ns": [period_ns * number for number in range(count)]}


def pair(sink="Sink", source=None, **sink_params):
    return ("source", "Source", source or every(10, 5), None), ("sink", sink, sink_params, ["source"])


# ---- the course of a run -------------------------------------------------------------------------------------------


def test_a_message_arrives_at_the_instant_it_is_published():
    made = ran(*pair())
    assert made.node("sink").seen == [(10 * n, "source", n) for n in range(5)]
    assert made.reason == "nothing left to happen"


def test_a_busy_node_takes_the_next_when_it_is_free():
    made = ran(*pair(spend_ns=25))
    assert made.node("sink").seen == [(25 * n, "source", n) for n in range(5)]


def test_a_slow_node_with_latest_sees_only_the_newest():
    made = ran(*pair("SlowLatest", every(10, 10), spend_ns=35))
    assert made.node("sink").seen == [
        (0, "source", 0),
        (35, "source", 3),
        (70, "source", 7),
        (105, "source", 9),
    ]
    assert made.node("sink").ping.edges["source"].overwritten == 6


def test_a_node_may_end_the_run_and_the_instant_is_finished_first():
    made = ran(
        ("source", "Source", every(10, 5), None),
        ("early", "Sink", {"finish_at": 2}, ["source"]),
        ("late", "Sink", {}, ["source"]),
    )
    assert made.reason == "early: enough"
    assert made.clock.now_ns() == 20
    assert made.node("late").seen[-1] == (20, "source", 2)


def test_the_duration_is_exclusive_and_the_clock_stands_at_its_end():
    made = ran(*pair(), duration_ns=30)
    assert [time_ns for time_ns, _, _ in made.node("sink").seen] == [0, 10, 20]
    assert made.reason == "the duration is over"
    assert made.clock.now_ns() == 30


def test_progress_is_told_now_and_then():
    told = []
    made = world(*pair(source=every(1, 10_000)))
    made.run(told.append)
    assert len(told) == made.events // 4096
    assert told == sorted(told)


def logged_events(made):
    """Return a list that gets each event of a world when it is inserted: now, due time, urgency, node, call."""
    log = []
    push, schedule = made.event_queue.push, made.schedule

    def logged_push(due, urgency, index, call, arguments):
        log.append((made.clock.time_ns, due, int(urgency), index, call.__name__))
        push(due, urgency, index, call, arguments)

    def logged_schedule(executor, timer):
        log.append((made.clock.time_ns, timer.due_ns, int(timer.urgency), executor.index, "fire"))
        schedule(executor, timer)

    made.event_queue.push, made.schedule = logged_push, logged_schedule
    return log


def test_two_runs_are_equal_event_for_event_and_another_seed_differs():
    def run(seed):
        latencies = [{"kind": "normal", "frames": 5.3}] * 3
        made = VirtualWorld(
            staggered_plans("paced", latencies),
            seed=seed,
            launch_context=LaunchContext(limits=RunLimits(ticks=200)),
        )
        log = logged_events(made)
        made.run()
        columns = trace_of(made)
        return log, made.events, str(columns.ticks()), str(columns.decisions())

    first = run(1)
    assert len(first[0]) > 1_000
    assert run(1) == first
    assert run(2) != first


def test_a_world_that_is_stepped_has_the_events_of_one_that_runs():
    def events_of(go):
        latencies = [{"kind": "normal", "frames": 5.3}] * 3
        made = VirtualWorld(
            staggered_plans("paced", latencies), launch_context=LaunchContext(limits=RunLimits(ticks=50))
        )
        log = logged_events(made)
        go(made)
        return log, str(trace_of(made).ticks())

    def step(made):
        made.advance(lambda: made.reason)
        made.end()

    ran_through, stepped = events_of(VirtualWorld.run), events_of(step)
    assert len(ran_through[0]) > 100
    assert stepped == ran_through


def test_the_order_of_messages_of_one_publisher_is_kept_when_the_receiver_becomes_busy_between():
    # sink becomes busy with b's ping before the event of a's first ping arrives; a's second ping finds it busy.
    made = ran(
        ("a", "Source", {"times_ns": [10], "burst": 3}, None),
        ("b", "Source", {"times_ns": [10], "burst": 2}, None),
        ("sink", "SlowQueue", {"spend_ns": 100}, ["a", "b"]),
    )
    for source in "ab":
        edge = made.node("sink").ping.edges[source]
        assert edge.lost == 0
        assert [number for _, name, number in made.node("sink").seen if name == source] == sorted(
            number for _, name, number in made.node("sink").seen if name == source
        )


def test_an_overtaking_message_waits_for_what_is_under_way():
    made = world(*pair("SlowQueue", {"times_ns": []}, spend_ns=5))
    source, sink = made.node("source"), made.executors["sink"]
    source.context.start()
    sink.start()
    source._send()
    sink.busy = True  # as another event of this instant would do
    source._send()
    sink.busy = False
    made.event_queue.run(math.inf, None)
    assert [number for _, _, number in sink.node.seen] == [0, 1]
    assert sink.node.ping.edges["source"].lost == 0


# ---- runs that cannot continue -------------------------------------------------------------------------------------


def test_a_cycle_without_delay_is_refused_with_the_names_of_its_edges():
    made = world(
        ("source", "Source", {"times_ns": [50]}, None),
        ("one", "Echo", {}, ["source", "other"]),
        ("other", "Echo", {}, ["one"]),
    )
    with pytest.raises(
        WorldError,
        match=f"{MOST_EVENTS_AT_ONCE:,} events happened at 50 ns, probably because nodes send messages in a cycle without delay",
    ) as caught:
        made.run()
    assert "one -> other.ping" in str(caught.value)
    assert "other -> one.ping" in str(caught.value)
    assert "hint:" in str(caught.value)


def test_a_cycle_while_stopping_is_refused_too():
    made = world(
        ("source", "Source", {"last_words": "go"}, None),
        ("one", "Echo", {}, ["source", "other"]),
        ("other", "Echo", {}, ["one"]),
        ("listener", "Listener", {}, ["one"]),
    )
    with pytest.raises(WorldError, match="a cycle without delay"):
        made.run()


def test_many_events_over_time_are_no_cycle():
    made = ran(*pair(source=every(1, MOST_EVENTS_AT_ONCE // 2 + 1)))
    assert made.events > MOST_EVENTS_AT_ONCE


def test_a_node_that_fails_is_named_with_the_time():
    with pytest.raises(WorldError, match="sink failed at 20 ns: ValueError: too much") as caught:
        ran(*pair(raise_at=2))
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_others_are_stopped_in_order_when_a_node_fails():
    made = world(
        ("source", "Source", {**every(10, 5), "last_words": "bye"}, None),
        ("sink", "Sink", {"raise_at": 2}, ["source"]),
        ("other", "Sink", {}, ["source"]),
    )
    with pytest.raises(WorldError, match="sink failed at 20 ns"):
        made.run()
    assert made.reason == "sink failed at 20 ns: ValueError: too much"
    assert made.begun
    assert [number for _, _, number in made.node("other").seen][:2] == [0, 1]
    assert not any(executor.alive for executor in made.executors.values())
    assert made.node("other").ping.edges["source"].received == 4, "the last words came, too"


def test_a_node_that_exits_has_failed():
    made = world(*pair())

    def leave(_):
        raise SystemExit(0)

    made.node("sink").ping.handler = leave
    with pytest.raises(WorldError, match="sink failed at 0 ns: SystemExit: 0"):
        made.run()


@pytest.mark.parametrize("raised", [BaseException, KeyboardInterrupt, GeneratorExit])
def test_whatever_a_node_raises_is_its_error_unless_a_signal_raised_it(raised):
    class Interruption(KeyboardInterrupt):
        pass

    def failing(error):
        made = world(*pair(), interruption=Interruption)

        def fail(_):
            raise error

        made.node("sink").ping.handler = fail
        return made

    with pytest.raises(WorldError, match=f"sink failed at 0 ns: {raised.__name__}: bad"):
        failing(raised("bad")).run()
    with pytest.raises(Interruption):
        failing(Interruption()).run()


def test_an_interrupted_run_ends_in_order_after_the_instant():
    made = world(*pair(source=every(10, 5)))
    sink = made.node("sink")
    take = sink.ping.handler

    def interrupt(message):
        take(message)
        if len(sink.seen) == 3:
            made.interrupt("SIGINT")

    sink.ping.handler = interrupt
    made.run()
    assert (made.reason, made.clock.now_ns(), len(sink.seen)) == ("SIGINT", 20, 3)
    assert not made.executors["sink"].alive, "it was stopped"


def test_what_is_interrupted_before_it_begins_does_not_begin():
    made = world(*pair())
    made.interrupt("SIGTERM")
    made.run()
    assert (made.reason, made.begun, made.results()) == ("SIGTERM", False, {})


def test_a_node_that_fails_in_its_second_life_is_named():
    with pytest.raises(WorldError, match="bird failed at 30 ns: RuntimeError: not again"):
        ran(
            ("bird", "Unlucky", {}, None),
            *pair(),
            faults=[CrashFault(node="bird", at_ns=20, restart_after_ns=10)],
        )


def test_wrong_parameters_are_found_before_anything_starts():
    with pytest.raises(NodeError, match="Sink: spend_ns"):
        world(("sink", "Sink", {"spend_ns": "long"}, None))


# ---- keys, pauses, the end -----------------------------------------------------------------------------------------


def test_keyed_messages_reach_only_whom_they_are_for_and_who_takes_all():
    made = ran(
        ("mailer", "Mailer", every(10, 2), None),
        ("box/0", "Box", {}, ["mailer"]),
        ("box/1", "Box", {}, ["mailer"]),
        ("recorder", "Sink", {}, ["mailer"]),
    )
    numbers = {name: [n for _, _, n in made.node(name).seen] for name in ("box/0", "box/1", "recorder")}
    assert numbers == {"box/0": [0, 3], "box/1": [1, 4], "recorder": [0, 1, 2, 3, 4, 5]}
    assert made.node("box/1").ping.edges["mailer"].lost == 0


def test_a_paused_input_hears_nothing_and_has_lost_nothing():
    made = ran(*pair("Pauser", every(4, 10)))
    assert [time_ns for time_ns, _, _ in made.node("sink").seen] == [
        12,
        16,
        20,
        32,
        36,
    ]  # a delivery comes before a timer
    assert made.node("sink").ping.edges["source"].lost == 0


def test_nodes_stop_by_rank_and_last_words_are_heard():
    made = ran(
        ("listener", "Listener", {}, ["source", "relay"]),
        ("relay", "Stopping", {}, ["source"]),
        ("source", "Source", {"times_ns": [5], "last_words": "farewell"}, None),
    )
    assert made.node("listener").heard[-2:] == ["farewell", "relay heard farewell"]
    assert not any(executor.alive for executor in made.executors.values())


def test_what_was_still_to_come_does_not_happen_in_the_stop():
    made = ran(*pair(source={"times_ns": [0, 30], "last_words": "x"}, spend_ns=30), duration_ns=30)
    assert [number for _, _, number in made.node("sink").seen] == [0]


def test_results_are_of_those_who_have_something_to_say():
    made = VirtualWorld(
        staggered_plans("none", [{"kind": "constant", "frames": 2.0}]),
        launch_context=LaunchContext(limits=RunLimits(ticks=50)),
    )
    made.run()
    assert list(made.results()) == ["monitor"]
    assert made.results()["monitor"]["ticks"] == 50


# ---- faults --------------------------------------------------------------------------------------------------------


def faulty(*faults, source=None, seed=0, **sink):
    made = ran(*pair(source=source or every(10, 1_000), **sink), faults=faults, seed=seed)
    return made.node("sink").seen, made.node("sink").ping.edges["source"]


def test_dropped_messages_are_counted_as_lost():
    seen, edge = faulty(EdgeFault(drop=0.1))
    missing = 1_000 - len(seen)
    assert 60 <= missing <= 140
    tail = 999 - seen[-1][2]
    assert edge.lost == missing - tail - seen[0][2], "all but those before the first and after the last"
    assert edge.received == len(seen)


def test_doubled_messages_arrive_twice_and_lose_nothing():
    seen, edge = faulty(EdgeFault(duplicate=0.1))
    numbers = [number for _, _, number in seen]
    assert 60 <= len(numbers) - 1_000 <= 140
    assert set(numbers) == set(range(1_000))
    assert edge.lost == 0


def test_late_messages_are_late_by_no_more_than_said():
    seen, _ = faulty(EdgeFault(delay_most_ns=9))
    delays = [time_ns - 10 * number for time_ns, _, number in seen]
    assert min(delays) == 0
    assert max(delays) == 9
    assert len(set(delays)) == 10


def test_faults_keep_to_their_edge():
    for fault in (
        EdgeFault(source="other*", drop=1.0),
        EdgeFault(target="box/?", drop=1.0),
        EdgeFault(port="x", drop=1.0),
    ):
        seen, edge = faulty(fault)
        assert (len(seen), edge.lost) == (1_000, 0)
    made = ran(*pair(), faults=[EdgeFault(source="sour*", target="s?nk", port="ping", drop=1.0)])
    assert made.node("sink").seen == []


def test_the_first_fault_that_fits_decides():
    seen, _ = faulty(EdgeFault(source="source"), EdgeFault(drop=1.0))
    assert len(seen) == 1_000


def test_faults_are_drawn_by_the_seed():
    fault = EdgeFault(drop=0.3, duplicate=0.3, delay_most_ns=5)
    assert faulty(fault, seed=3)[0] == faulty(fault, seed=3)[0]
    assert faulty(fault, seed=3)[0] != faulty(fault, seed=4)[0]


def test_a_crashed_node_is_silent_until_its_restart_and_nothing_counts_as_lost():
    made = ran(
        ("source", "Source", every(10, 10), None),
        ("sink", "Sink", {}, ["source"]),
        faults=[CrashFault(node="sink", at_ns=25, restart_after_ns=30)],
    )
    sink = made.executors["sink"]
    assert sink.identity.incarnation == 1
    assert made.restarts == {"sink": 1}
    assert made.down == {}
    assert [time_ns for time_ns, _, _ in sink.node.seen] == [60, 70, 80, 90]
    assert sink.node.ping.edges["source"].lost == 0


def test_a_restarted_publisher_is_a_new_incarnation_and_nothing_counts_as_lost():
    made = ran(
        *pair(source=every(10, 10)),
        faults=[CrashFault(node="source", at_ns=45, restart_after_ns=10)],
    )
    numbers = [number for _, _, number in made.node("sink").seen]
    # Times in the past are made up for at once in its second life.
    assert numbers == [0, 1, 2, 3, 4, *range(10)]
    edge = made.node("sink").ping.edges["source"]
    assert (edge.received, edge.lost, edge.incarnation) == (15, 0, 1)


def test_a_node_that_is_not_restarted_stays_dead_and_is_not_stopped():
    made = ran(
        *pair(source={**every(10, 10), "last_words": "x"}), faults=[CrashFault(node="source", at_ns=35)]
    )
    assert [number for _, _, number in made.node("sink").seen] == [0, 1, 2, 3]
    assert made.restarts == {}
    assert made.down == {"source": "a crash was injected"}


def test_what_a_dead_node_had_begun_is_not_finished():
    made = ran(*pair(spend_ns=20), faults=[CrashFault(node="sink", at_ns=5, restart_after_ns=1_000)])
    assert made.node("sink").seen == []


def test_a_crash_while_dead_changes_nothing():
    crash = CrashFault(node="s*k", at_ns=25, restart_after_ns=30)
    again = CrashFault(node="sink", at_ns=30, restart_after_ns=5)
    made = ran(*pair(source=every(10, 10)), faults=[crash, again])
    assert made.restarts == {"sink": 1}
    assert [time_ns for time_ns, _, _ in made.node("sink").seen] == [60, 70, 80, 90]


def test_a_crash_of_nobody_is_refused():
    with pytest.raises(
        WorldError, match="a crash cannot be injected: no node has a name that matches 'sinc'"
    ):
        world(*pair(), faults=[CrashFault(node="sinc", at_ns=25)])


@pytest.mark.parametrize("wrong", [{"drop": 1.1}, {"duplicate": -0.1}, {"delay_most_ns": -1}, {"dropp": 0.1}])
def test_faults_are_checked(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EdgeFault(**wrong)

import functools

import pytest
from support.chatter import Ping
from support.host import HandHost

from rtgraph.msgs import Message
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Input, Node, Output, Params, Urgency, latest, queue


class DiaryParams(Params):
    spend_ns: int = 0


class Diary(Node[DiaryParams]):
    """Records its calls and their times."""

    ping = Input(Ping, queue(4))
    other = Input(Ping, latest)
    told = Output(Ping)

    def on_start(self):
        self.lines = []

    def note(self, what):
        self.lines.append((self.now_ns, what))

    def on_ping(self, ping):
        self.note(f"ping {ping.number}")
        if self.params.spend_ns:
            self.spend(self.params.spend_ns, self.done)

    def on_other(self, ping):
        self.note(f"other {ping.number}")

    def done(self):
        self.note("done")

    def once(self):
        self.note("once")

    def again(self):
        self.note("again")


def diary(**params):
    host = HandHost(Diary, params)
    host.begin()
    return host, host.node


def send(host, number, port="ping"):
    host.deliver(port, Ping(number=number), sequence=number)


class Measured(Message):
    values: dict[str, float]


class Readers(Node[Params]):
    read = Input(Measured, queue(4), read_only=True)
    written = Input(Measured, queue(4))


def test_a_port_that_only_reads_gets_the_message_itself_and_another_its_own_lists_and_dicts():
    host = HandHost(Readers)
    host.begin()
    message = Measured(values={"x": 1.0})
    host.deliver("read", message)
    host.deliver("written", message)
    read, written = host.node.read.take(), host.node.written.take()
    assert read.values is message.values
    assert written.values == message.values
    assert written.values is not message.values


# ---- messages and being busy ---------------------------------------------------------------------------------------


def test_a_free_node_handles_at_once():
    host, node = diary()
    send(host, 0)
    assert node.lines == [(0, "ping 0")]


def test_a_busy_node_handles_when_it_is_free_in_order_of_arrival():
    host, node = diary(spend_ns=10)
    send(host, 0)
    send(host, 0, "other")
    send(host, 1)
    send(host, 1, "other")
    host.run_until(100)
    assert node.lines == [
        (0, "ping 0"),
        (10, "done"),
        (10, "other 1"),  # other 0 was overwritten
        (10, "ping 1"),
        (20, "done"),
    ]


def test_what_waits_is_bounded_by_the_policy():
    host, node = diary(spend_ns=10)
    for number in range(8):
        send(host, number)
    host.run_until(100)
    assert [line for _, line in node.lines if line != "done"] == [
        "ping 0",
        "ping 4",
        "ping 5",
        "ping 6",
        "ping 7",
    ]
    assert node.ping.edges["other"].overwritten == 3


def test_a_port_without_a_handler_just_fills():
    class Quiet(Node[Params]):
        ping = Input(Ping, queue(2))

    host = HandHost(Quiet)
    host.begin()
    for number in range(3):
        send(host, number)
    assert [ping.number for ping in host.node.ping.take_all()] == [1, 2]


def test_a_paused_port_takes_nothing():
    host, node = diary()
    node.ping.pause()
    send(host, 0)
    node.ping.resume()
    send(host, 5)
    assert node.lines == [(0, "ping 5")]
    assert node.ping.edges["other"].lost == 0


def test_pausing_forgets_what_waited():
    host, node = diary(spend_ns=10)
    send(host, 0)
    send(host, 1)
    node.ping.pause()
    host.run_until(100)
    assert node.lines == [(0, "ping 0"), (10, "done")]


# ---- spend ---------------------------------------------------------------------------------------------------------


class Chain(Diary):
    """Calls ``spend`` again in ``then``, twice, and publishes."""

    def on_ping(self, ping):
        self.spend(10, self.second)

    def second(self):
        self.note("second")
        self.told.publish(Ping(number=1))
        self.spend(5, self.third)

    def third(self):
        self.note("third")


def test_then_may_spend_again_and_the_node_stays_busy_throughout():
    host = HandHost(Chain)
    host.begin()
    send(host, 0)
    host.run_until(12)
    assert host.executor.busy
    assert [(time_ns, output) for time_ns, output, _, _ in host.sent] == [(10, "told")]
    host.run_until(15)
    assert host.node.lines == [(10, "second"), (15, "third")]
    assert not host.executor.busy


def test_spending_nothing_is_over_at_the_same_instant():
    host, node = diary()
    node.spend(0, node.done)
    assert host.executor.busy
    host.run_until(0)
    assert node.lines == [(0, "done")]
    assert not host.executor.busy


def test_spending_needs_no_then():
    host, node = diary()
    node.spend(5)
    send(host, 0)
    host.run_until(5)
    assert node.lines == [(5, "ping 0")]


def test_a_busy_node_cannot_spend():
    _, node = diary()
    node.spend(5)
    with pytest.raises(
        NodeError,
        match=r"node: spend\(\) cannot be called while the node is already busy. hint: call spend again in the method given as `then`",
    ):
        node.spend(5)


def test_then_cannot_spend_twice():
    class Greedy(Diary):
        def done(self):
            self.spend(1)
            self.spend(1)

    host = HandHost(Greedy, {"spend_ns": 5})
    host.begin()
    send(host, 0)
    with pytest.raises(NodeError, match="while the node is already busy"):
        host.run_until(10)


def test_time_does_not_run_backwards():
    _, node = diary()
    with pytest.raises(NodeError, match=r"spend\(\) takes a duration, and -1 ns is negative"):
        node.spend(-1)


# ---- timers --------------------------------------------------------------------------------------------------------


def test_timers_fire_when_due_and_not_when_cancelled():
    host, node = diary()
    node.after(5, node.once)
    node.at(3, node.again)
    node.after(4, node.done).cancel()
    host.run_until(10)
    assert node.lines == [(3, "again"), (5, "once")]


def test_at_one_instant_work_is_completed_then_plants_tick_then_timers_fire():
    host, node = diary()
    node.at(10, node.once)
    node.at(10, node.again, Urgency.TICK)
    node.spend(10, node.done)
    host.run_until(10)
    # The node is busy until all other events of the instant have happened, so both wait, in order.
    assert node.lines == [(10, "done"), (10, "again"), (10, "once")]


def test_the_order_of_one_instant():
    assert Urgency.DELIVERY < Urgency.TICK < Urgency.TIMER < Urgency.FREE


def test_freedom_is_the_runtimes_to_schedule():
    _, node = diary()
    with pytest.raises(NodeError, match="a timer cannot have the urgency FREE"):
        node.at(5, node.once, Urgency.FREE)


def test_a_timer_that_is_due_while_busy_waits_and_may_still_be_cancelled():
    host, node = diary()
    node.after(3, node.once)
    cancelled = node.after(4, node.again)
    node.spend(10, node.done)
    host.run_until(5)
    assert node.lines == []
    cancelled.cancel()
    host.run_until(10)
    assert node.lines == [(10, "done"), (10, "once")]


def test_a_call_for_now_of_a_busy_node_is_made_when_it_is_free():
    class Later(Diary):
        def done(self):
            super().done()
            self.after(0, self.once)

    host = HandHost(Later, {"spend_ns": 10})
    host.begin()
    send(host, 0)
    send(host, 0, "other")
    host.run_until(10)
    assert host.node.lines == [(0, "ping 0"), (10, "done"), (10, "other 0"), (10, "once")]


def test_a_periodic_timer_keeps_to_its_grid():
    host, node = diary()
    timer = node.every(10_000, node.again)
    host.run_until(35_000)
    timer.cancel()
    host.run_until(100_000)
    assert node.lines == [(10_000, "again"), (20_000, "again"), (30_000, "again")]


def test_a_periodic_timer_skips_what_it_missed():
    host, node = diary()
    node.every(10_000, node.again)
    host.run_until(5_000)
    node.spend(40_000)
    host.run_until(70_000)
    # Due at 10 µs, run at 45 when free; 20, 30 and 40 are skipped.
    assert node.lines == [(45_000, "again"), (50_000, "again"), (60_000, "again"), (70_000, "again")]


def test_a_periodic_timer_may_end_itself():
    class Thrice(Diary):
        def on_start(self):
            super().on_start()
            self.timer = self.every(10_000, self.again)

        def again(self):
            super().again()
            if len(self.lines) == 3:
                self.timer.cancel()

    host = HandHost(Thrice)
    host.begin()
    host.run_until(100_000)
    assert len(host.node.lines) == 3


@pytest.mark.parametrize("period_ns", [0, -5])
def test_a_period_is_positive(period_ns):
    _, node = diary()
    with pytest.raises(NodeError, match=f"the period of a timer must be above 0 ns, not {period_ns} ns"):
        node.every(period_ns, node.again)


def test_only_the_nodes_own_methods_are_called():
    _, node = diary()
    _, stranger = diary()
    for call in (lambda: None, stranger.once, functools.partial(node.note, "x"), print):
        for schedule in (
            functools.partial(node.after, 1),
            functools.partial(node.every, 1),
            functools.partial(node.spend, 1),
        ):
            with pytest.raises(NodeError, match="is not a method of the node"):
                schedule(call)
    assert not node.context.busy


def test_a_stopped_node_is_not_called_any_more():
    host, node = diary()
    node.after(5, node.once)
    host.executor.stop()
    host.run_until(10)
    assert node.lines == []


# ---- publishing ----------------------------------------------------------------------------------------------------


def test_headers_say_who_when_and_which():
    host = HandHost(Chain, name="writer/2", incarnation=3)
    host.begin()
    host.run_until(7)
    for _ in range(2):
        host.node.told.publish(Ping(number=0))
    headers = [message.header for message in host.messages("told")]
    assert [(h.source, h.incarnation, h.sequence, h.stamp_ns) for h in headers] == [
        ("writer/2", 3, 0, 7),
        ("writer/2", 3, 1, 7),
    ]


def test_sequences_count_by_key():
    class Mail(Node[Params]):
        ping = Output(Ping, keyed=True)

    host = HandHost(Mail)
    host.begin()
    for key in ("a", "b", "a"):
        host.node.ping.publish(Ping(number=0), key=key)
    assert [(key, message.header.sequence) for _, _, key, message in host.sent] == [
        ("a", 0),
        ("b", 0),
        ("a", 1),
    ]
    assert host.node.ping.sent == {"a": 2, "b": 1}


def test_a_message_may_be_published_again():
    host, node = diary()
    ping = Ping(number=3)
    node.told.publish(ping)
    node.told.publish(ping)
    first, second = host.messages("told")
    assert (first.header.sequence, second.header.sequence) == (0, 1)

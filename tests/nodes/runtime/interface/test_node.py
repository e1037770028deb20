import pytest
from support.chatter import Ping
from support.host import HandHost

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Input, Node, Output, Params, load_class, queue, validated_params


class CountParams(Params):
    step: int = 1


class Counter(Node[CountParams]):
    ping = Input(Ping, queue(4))
    total = Output(Ping)

    def on_ping(self, ping):
        self.total.publish(Ping(number=ping.number * self.params.step))


def test_ports_and_parameters_are_read_off_the_class():
    assert Counter.params_type is CountParams
    assert list(Counter.input_ports) == ["ping"]
    assert list(Counter.output_ports) == ["total"]
    assert Counter.ping.name == "ping"
    assert Counter.ping.message_type is Ping


def test_a_subclass_inherits_and_may_replace_ports():
    class Deeper(Counter):
        ping = Input(Ping, queue(9))

    assert Deeper.params_type is CountParams
    assert Deeper.input_ports["ping"].policy.depth == 9
    assert Counter.input_ports["ping"].policy.depth == 4


def test_instances_have_ports_of_their_own():
    one, other = HandHost(Counter).node, HandHost(Counter).node
    assert one.ping is one.inputs["ping"]
    assert one.total is one.outputs["total"]
    assert one.ping is not other.ping


def test_a_handler_needs_its_port():
    with pytest.raises(
        NodeError,
        match=r"Wrong.on_pong is named as the handler of an input 'pong', which does not exist. hint: the inputs are ping",
    ):

        class Wrong(Counter):
            def on_pong(self, pong): ...


def test_an_output_has_no_handler():
    with pytest.raises(NodeError, match="on_total is named as the handler of an input 'total'"):

        class Wrong(Counter):
            def on_total(self, total): ...


def test_the_methods_of_a_life_are_no_handlers():
    class Living(Node[Params]):
        def on_prepare(self): ...
        def on_start(self): ...
        def on_stop(self): ...

    assert Living.input_ports == {}


def test_a_node_is_found_by_its_path():
    assert load_class("support.chatter:Sink").__name__ == "Sink"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("Sink", "is not a class path. hint: write package.module:Class"),
        ("support.chatter:", "is not a class path"),
        ("support.nowhere:Sink", "module 'support.nowhere' cannot be imported"),
        (
            "rtgraph.nodes.inference:Workr",
            r"has no class 'Workr' .*its nodes are Coordinator, DelayAwareWorker, Stage, Worker$",
        ),
        ("support.chatter:Sinc", r"has no class 'Sinc' \(.*chatter\.py\)\. hint: its nodes are .*Sink"),
        ("support.chatter:Ping", "is not a node class"),
    ],
)
def test_what_is_no_node_is_refused(path, says):
    with pytest.raises(NodeError, match=says):
        load_class(path)


def test_parameters_are_checked_and_the_wrong_one_named():
    assert validated_params(Counter, {"step": 3}).step == 3
    with pytest.raises(NodeError, match="Counter: step: should be a whole number, not 'much'"):
        validated_params(Counter, {"step": "much"})
    with pytest.raises(NodeError, match="Counter: stepp: unknown key 'stepp'"):
        validated_params(Counter, {"stepp": 3})


def test_parameters_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        HandHost(Counter).node.params.step = 2


def test_nodes_of_different_names_lives_or_seeds_draw_differently():
    drawn = {
        HandHost(Counter, name=name, incarnation=incarnation).node.rng.random()
        for name in ("a", "b")
        for incarnation in (0, 1)
    }
    assert len(drawn) == 4
    assert HandHost(Counter, name="a").node.rng.random() in drawn, "not reproducible"

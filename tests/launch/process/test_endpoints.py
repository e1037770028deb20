"""Which sockets bind, and which connect to them."""

from __future__ import annotations

import socket

import pytest
from support.launching import FILES

from rtgraph.graphs import load_launch
from rtgraph.launch.host.runtime_directory import RuntimeDirectory
from rtgraph.launch.process.endpoints import bus_plans
from rtgraph.msgs.errors import LaunchError


@pytest.fixture
def plan():
    return load_launch(str(FILES / "watched.yaml"), {"workers": "3"})


@pytest.fixture
def runtime():
    directory = RuntimeDirectory()
    yield directory
    directory.remove()


def test_every_input_connects_to_what_its_publishers_bind(plan, runtime) -> None:
    buses = bus_plans(plan, runtime)
    bound = [endpoint for bus in buses.values() for endpoint in (bus.plain, bus.lossless)]
    assert len(set(bound)) == 2 * len(plan.nodes)
    assert all(len(endpoint.removeprefix("ipc://").encode()) <= 107 for endpoint in bound)
    workers = [f"worker/{number}" for number in range(3)]
    # The monitor's input is lossless, the witness's is not.
    assert buses["monitor"].connect["decision"] == tuple(buses[name].lossless for name in workers)
    assert buses["witness"].connect["decision"] == tuple(buses[name].plain for name in workers)
    assert all(buses[name].wanted_lossless == ("decision",) for name in workers)
    assert buses["plant"].wanted_lossless == ("applied", "ending", "episode")
    assert buses["coordinator"].wanted_lossless == ()
    assert buses["coordinator"].keys == {"claim": tuple(workers), "stagger": tuple(workers)}


def test_edges_are_all_there(plan) -> None:
    found = plan.edges()
    assert len(found) == len(set(found))
    assert ("plant", "monitor", "applied") in found
    assert {name for name, node, port in found if (node, port) == ("plant", "decision")} == {
        f"worker/{number}" for number in range(3)
    }


def test_tcp_ports_are_two_a_node_from_the_first_on(plan, runtime) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        first = min(free.getsockname()[1], 60000)
    buses = bus_plans(plan, runtime, first)
    ports = sorted(
        int(endpoint.rpartition(":")[2]) for bus in buses.values() for endpoint in (bus.plain, bus.lossless)
    )
    assert ports == list(range(first, first + 2 * len(plan.nodes)))
    assert all(bus.plain.startswith("tcp://127.0.0.1:") for bus in buses.values())


@pytest.mark.parametrize("first", [65530, 70000])
def test_ports_that_do_not_exist(first, plan, runtime) -> None:
    with pytest.raises(LaunchError, match=r"the highest port is 65535. hint: choose a lower --tcp-port"):
        bus_plans(plan, runtime, first)

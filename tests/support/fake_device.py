"""A device in memory, a clock that tests move, and a link without threads."""

from __future__ import annotations

import logging

from support.robot_device import SimulatedDriver

from rtgraph.nodes.robot.connection.link import Link
from rtgraph.nodes.robot.connection.link_params import LinkParams

PERIOD_NS = 10_000_000


class FakeDriver(SimulatedDriver):
    """Raises what it is given, by call; takes as long as it is given; keeps what it gets."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench = bench
        self.torque: list[bool] = []

    def _call(self, name: str) -> None:
        self._bench.now_ns += self._bench.takes_ns.get(name, 0)
        if error := self._bench.raises.get(name):
            raise error

    def connect(self) -> None:
        self._call("connect")

    def disconnect(self) -> None:
        self._bench.disconnected += 1

    def get_observation(self) -> dict[str, float]:
        self._call("get_observation")
        return super().get_observation()

    def send_action(self, action: dict[str, float]) -> dict[str, float]:
        self._call("send_action")
        self._bench.got.append((self._bench.now_ns, dict(action)))
        return super().send_action(action)

    def set_torque(self, on: bool) -> None:
        self._call("set_torque")
        self.torque.append(on)


class Bench:
    """A link to a fake device. Its lives run only when told: ``turn`` is one cycle of the newest."""

    def __init__(
        self, *, problem: str = "", stop: dict | None = None, reads_only: bool = False, **params
    ) -> None:
        self.now_ns = 10**9
        self.takes_ns: dict[str, int] = {}
        self.raises: dict[str, Exception] = {}
        self.got: list[tuple[int, dict[str, float]]] = []
        self.drivers: list[FakeDriver] = []
        self.lives: list = []
        self.disconnected = 0
        self.problem = problem
        self.link = Link(
            self._make,
            lambda _: self.problem,
            LinkParams(**params),
            period_ns=PERIOD_NS,
            now_ns=lambda: self.now_ns,
            log=logging.getLogger("test"),
            stop=stop,
            reads_only=reads_only,
            spawn=self.lives.append,
        )

    def _make(self) -> FakeDriver:
        self.drivers.append(FakeDriver(self))
        return self.drivers[-1]

    def up(self) -> Bench:
        self.link.start(0)
        assert self.lives[-1].open()
        return self

    def turn(self) -> bool:
        return self.lives[-1].cycle()

    def later(self, ns: int = PERIOD_NS) -> None:
        self.now_ns += ns
        self.link.attend(self.now_ns)

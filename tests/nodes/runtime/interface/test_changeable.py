"""Parameters that can be changed while a node runs."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator
from support.host import HandHost

from rtgraph.msgs import Record
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Changeable, Node, Params
from rtgraph.nodes.runtime.interface.changeable import changeable_paths, changeable_values, with_values


class Greedy(Record):
    kind: Literal["greedy"] = "greedy"
    epsilon: Changeable[float] = Field(default=0.1, ge=0, le=1)
    weights: str = "policy"


class Fixed(Record):
    kind: Literal["fixed"] = "fixed"


class WalkerParams(Params):
    rate_hz: float = 50.0
    stride_m: Changeable[float] = Field(default=0.3, gt=0)
    reach_m: Changeable[float] = 1.0
    policy: Annotated[Greedy | Fixed, Field(discriminator="kind")] = Greedy()
    tags: dict[str, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _together(self) -> WalkerParams:
        if self.stride_m > self.reach_m:
            raise ValueError("a stride is no longer than the reach")
        return self


class Walker(Node[WalkerParams]):
    def on_start(self) -> None:
        self.heard: list[tuple[set[str], float]] = []

    def on_params(self, changed: frozenset[str]) -> None:
        if self.params.stride_m > 5:
            raise NodeError("stride_m: the legs are too short")
        self.heard.append((set(changed), self.params.stride_m))


def test_what_may_be_changed_is_known_at_any_depth() -> None:
    assert changeable_paths(WalkerParams) == ["stride_m", "reach_m", "policy.epsilon"]
    assert changeable_values(WalkerParams()) == {"stride_m": 0.3, "reach_m": 1.0, "policy.epsilon": 0.1}
    assert changeable_values(WalkerParams(policy=Fixed())) == {"stride_m": 0.3, "reach_m": 1.0}


def test_a_change_makes_a_copy_that_is_checked() -> None:
    before = WalkerParams(rate_hz=60, tags={"a": 1})
    after = with_values(before, {"stride_m": 0.5, "policy.epsilon": 1})
    assert (after.stride_m, after.policy.epsilon, after.rate_hz, after.tags) == (0.5, 1.0, 60, {"a": 1})
    assert isinstance(after.policy.epsilon, float)
    assert (before.stride_m, before.policy.epsilon) == (0.3, 0.1)


def test_problem_and_hint_agree_if_nothing_can_be_changed() -> None:
    with pytest.raises(
        NodeError, match=r"nosuch: there is no such parameter\. hint: its parameters are kind, all read-only"
    ):
        with_values(Fixed(), {"nosuch": 1})
    with pytest.raises(
        NodeError, match=r"kind: is read-only\. hint: all parameters of this node are read-only"
    ):
        with_values(Fixed(), {"kind": "fixed"})
    with pytest.raises(NodeError, match=r"there is no such parameter\. hint: it has no parameters"):
        with_values(Params(), {"nosuch": 1})


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            {"rate_hz": 1},
            "rate_hz: is read-only. hint: the changeable parameters are stride_m, reach_m, policy.epsilon",
        ),
        ({"policy.weights": "x"}, "policy.weights: is read-only"),
        ({"policy": {}}, "policy: is read-only"),
        ({"tags.a": 1}, "tags.a: is read-only"),
        ({"strid_m": 1}, "strid_m: there is no such parameter. hint: did you mean 'stride_m'?"),
        ({"policy.epsilon": 1.5}, "policy.epsilon: should be ≤ 1.0, not 1.5"),
        ({"policy.epsilon": float("nan")}, "policy.epsilon: should be"),
        ({"stride_m": "far"}, "stride_m: should be a number, not 'far'"),
        ({"stride_m": 2.0}, "stride_m: a stride is no longer than the reach"),
        ({"stride_m": 6.0, "reach_m": 7.0, "policy.epsilon": 0.5}, "stride_m: the legs are too short"),
    ],
)
def test_a_change_that_cannot_be_changes_nothing(values, problem) -> None:
    host = HandHost(Walker, {"tags": {"a": 1}})
    host.begin()
    before = host.node.params
    with pytest.raises(NodeError) as caught:
        host.executor.change(values)
    assert str(caught.value).startswith(problem)
    assert host.node.params is before
    assert host.node.heard == []


def test_values_that_only_fit_together_are_changed_together() -> None:
    assert with_values(WalkerParams(), {"stride_m": 2.0, "reach_m": 3.0}).stride_m == 2.0


def test_the_node_is_told_between_its_handlers() -> None:
    host = HandHost(Walker)
    host.begin()
    host.executor.change({"stride_m": 0.7, "policy.epsilon": 0.5})
    assert host.node.heard == [({"stride_m", "policy.epsilon"}, 0.7)]
    assert host.node.params.policy.epsilon == 0.5


def test_a_node_whose_life_has_not_begun_is_not_told() -> None:
    host = HandHost(Walker)
    host.executor.change({"stride_m": 0.7}, quietly=True)
    host.begin()
    assert host.node.heard == []
    assert host.node.params.stride_m == 0.7


def test_only_the_workers_epsilon_may_be_changed() -> None:
    from rtgraph.nodes.inference import Worker

    assert changeable_paths(Worker.params_type) == ["policy.epsilon"]

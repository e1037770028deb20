import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from support.batches import STEERING, VECTORS

from rtgraph.msgs.errors import LearningError
from rtgraph.nodes.algorithms import AnyAlgorithm, algorithm_for, algorithm_names, usual_for
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.algorithms.registry import params_class
from rtgraph.nodes.algorithms.sac.params import SacParams
from rtgraph.nodes.networks import HeadSpec, MlpSpec, SupportSpec

ANY = TypeAdapter(AnyAlgorithm)
ROOT = Path(__file__).parents[3]
SUPPORT = MlpSpec(head=HeadSpec(support=SupportSpec(low=-1, high=1)))


class Mine(DqnParams):
    """Somebody's algorithm."""

    kind: str = f"{__name__}:Mine"
    more: float = 1.0


@pytest.mark.parametrize("name", algorithm_names())
def test_kind_chooses_the_parameters_which_are_written_and_read_again(name):
    assert name in algorithm_names()
    params = ANY.validate_python({"kind": name, "learning_rate": 0.5})
    assert type(params) is params_class(name)
    written = ANY.dump_python(params, mode="json")
    assert (written["kind"], written["learning_rate"]) == (name, 0.5)
    assert ANY.validate_python(written) == params


def test_every_algorithm_is_named_where_users_choose_one():
    """The graphs' help of ``algorithm`` in full, and the table of the docs."""
    helps = [
        (path.name, line)
        for path in sorted((ROOT / "graphs" / "topologies").glob("*.yaml"))
        for line in path.read_text().splitlines()
        if line.startswith("  algorithm: {") and "the algorithm that learns" in line
    ]
    assert len(helps) >= 5
    page = ROOT / "docs" / "learning.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `algorithm`")]
    for place, text in [*helps, *((page.name, row) for row in rows)]:
        missing = [name for name in algorithm_names() if not re.search(rf"\b{name}\b", text)]
        assert not missing, f"{place}: {missing}"
    assert rows


def test_null_is_the_default_and_options_are_parameters():
    given = {"kind": "munchausen", "double": None, "options": {"temperature": 0.5}}
    assert ANY.validate_python(given).temperature == 0.5
    with pytest.raises(ValidationError, match="double"):
        ANY.validate_python(given | {"double": True})
    with pytest.raises(ValidationError, match=r"munchausen\.warmth"):
        ANY.validate_python({"kind": "munchausen", "options": {"warmth": 1}})


def test_a_class_path_is_an_algorithm():
    name = f"{__name__}:Mine"
    params = ANY.validate_python({"kind": name, "more": 2.0, "double": True})
    assert type(params).__name__ == "Mine"
    assert ANY.dump_python(params)["more"] == 2.0
    with pytest.raises(ValidationError, match=r"less: Extra inputs"):
        ANY.validate_python({"kind": name, "less": 1})


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("dqm", "unknown algorithm 'dqm'. hint: did you mean 'dqn'"),
        ("nowhere:Mine", "nowhere"),
        ("rtgraph.nodes.networks:MlpSpec", "not a subclass of AlgorithmParams"),
    ],
)
def test_what_is_no_algorithm_is_refused(kind, told):
    with pytest.raises(ValidationError, match=told):
        ANY.validate_python({"kind": kind})


def test_the_network_decides_unless_an_algorithm_is_named():
    assert (algorithm_for(MlpSpec(), VECTORS), algorithm_for(SUPPORT, VECTORS)) == ("dqn", "c51")
    assert algorithm_for(MlpSpec(), STEERING) == "sac"


@pytest.mark.parametrize(
    ("kind", "network", "told"),
    [
        (
            "dqn",
            SUPPORT,
            "dqn learns values, and the network's head has a support, which is for distributions of returns. hint: leave out algorithm= or atoms=",
        ),
        ("munchausen", SUPPORT, "munchausen learns values"),
        (
            "c51",
            MlpSpec(),
            "c51 learns distributions of returns, and the network's head has no support. hint: give atoms=51 or algorithm=dqn",
        ),
    ],
)
def test_a_network_that_does_not_fit_is_refused(kind, network, told):
    with pytest.raises(LearningError, match=told):
        ANY.validate_python({"kind": kind}).check(network, VECTORS)


def test_values_are_for_discrete_actions():
    with pytest.raises(LearningError, match="the plant has continuous ones"):
        DqnParams().check(MlpSpec(), STEERING)


def test_sac_is_for_continuous_actions():
    SacParams().check(MlpSpec(), STEERING)
    with pytest.raises(LearningError, match="sac is for continuous actions, not for discrete ones"):
        SacParams().check(MlpSpec(), VECTORS)
    assert usual_for(STEERING) == SacParams.usual
    assert usual_for(VECTORS) == DqnParams.usual

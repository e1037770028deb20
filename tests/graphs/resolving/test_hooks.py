"""What a class's code raises while a graph is checked is one error at the params."""

from __future__ import annotations

import pytest
from support.own_modules import forgotten_modules

from rtgraph.graphs import load_launch
from rtgraph.msgs.errors import GraphError

__all__ = ["forgotten_modules"]

PROGRAM = """\
import sys
from pydantic import field_validator
from rtgraph.nodes import Node, Params
from rtgraph.nodes.emulator import Endless
class Checked(Params):
    rate: float = 0.1
    @field_validator("rate")
    @classmethod
    def known(cls, rate): return {}[rate]
class Validates(Node[Checked]): pass
class Leaves(Node[Params]):
    @classmethod
    def check(cls, params): sys.exit()
class Divides(Node[Params]):
    @classmethod
    def check(cls, params): return 1 / 0
class Placed(Node[Params]):
    @classmethod
    def check_placement(cls, params, placement): raise KeyError("where")
class Ports(Node[Params]):
    @classmethod
    def outputs_of(cls, params): return [1]
class Loose(Endless):
    @classmethod
    def spec(cls, params): return {"a": 1}
class LeavesSpec(Endless):
    @classmethod
    def spec(cls, params): raise SystemExit(0)
class Nobody:
    def __init__(self, needed): pass
"""


@pytest.mark.usefixtures("forgotten_modules")
@pytest.mark.parametrize(
    ("name", "params", "problem"),
    [
        ("Validates", "{rate: 0.5}", "a validator of Checked failed: hooked.py:9: KeyError: 0.5"),
        ("Leaves", "{}", "Leaves.check failed: hooked.py:13: SystemExit"),
        ("Divides", "{}", "Divides.check failed: hooked.py:16: ZeroDivisionError: division by zero"),
        ("Placed", "{}", "Placed.check_placement failed: hooked.py:19: KeyError: 'where'"),
        ("Ports", "{}", "Ports.outputs_of returns [1]. hint: return a dict of Output"),
        ("Loose", "{}", "Loose.spec returns a dict, not a PlantSpec. hint: return a PlantSpec"),
        ("LeavesSpec", "{}", "LeavesSpec.spec failed: hooked.py:28: SystemExit: 0"),
        (
            "Endless",
            '{default: "hooked:Nobody"}',
            "default behaviour 'hooked:Nobody' cannot be made: missing a required argument: 'needed'",
        ),
    ],
)
def test_an_error_in_a_hook_is_one_error_at_the_params(tmp_path, name, params, problem) -> None:
    (tmp_path / "hooked.py").write_text(PROGRAM)
    file = tmp_path / "g.yaml"
    file.write_text(f'nodes:\n  n: {{class: "hooked:{name}", params: {params}}}\n')
    with pytest.raises(GraphError) as caught:
        load_launch(file, world="virtual")
    assert str(caught.value) == f"{file}:2: nodes.n.params: {problem}"

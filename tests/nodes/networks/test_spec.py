import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError

import rtgraph.nodes.networks as networks
from rtgraph.nodes.networks import ImpalaSpec, MlpSpec, NatureSpec, NetworkSpec


class Launch(BaseModel):
    network: NetworkSpec


@pytest.mark.parametrize(
    ("data", "spec"),
    [
        ({"kind": "impala", "depth": 2, "k": 0.75}, ImpalaSpec(depth=2, k=0.75)),
        ({"kind": "impala"}, ImpalaSpec(depth=1, k=1.0)),
        ({"kind": "nature"}, NatureSpec()),
        ({"kind": "mlp", "hidden": [32]}, MlpSpec(hidden=(32,))),
        ({"kind": "mlp"}, MlpSpec(hidden=(64, 64))),
    ],
)
def test_kind_chooses_the_specification(data, spec):
    assert Launch.model_validate({"network": data}).network == spec


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "transformer"},
        {"kind": "impala", "depth": 3},
        {"kind": "impala", "k": 0.06},
        {"kind": "impala", "k": float("inf")},
        {"kind": "impala", "width": 2},
        {"kind": "nature", "k": 1},
        {"kind": "mlp", "hidden": [0]},
        {"depth": 1},
    ],
)
def test_what_is_no_network_is_refused(data):
    with pytest.raises(ValidationError):
        Launch.model_validate({"network": data})


@pytest.mark.parametrize(
    ("k", "widths"), [(1 / 16, (1, 2)), (0.75, (12, 24)), (1.99, (31, 63)), (98, (1568, 3136))]
)
def test_widths_are_rounded_down(k, widths):
    assert ImpalaSpec(k=k).widths == widths


def test_a_specification_does_not_change():
    with pytest.raises(ValidationError):
        ImpalaSpec().k = 2.0


def test_the_package_exports_specifications_only():
    names = ["HeadSpec", "ImpalaSpec", "MlpSpec", "NatureSpec", "NetworkSpec", "SupportSpec"]
    assert networks.__all__ == names


def test_importing_the_package_does_not_import_torch():
    check = "import sys, rtgraph.nodes.networks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0

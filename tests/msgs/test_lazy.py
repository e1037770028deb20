import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ["rtgraph.msgs", "rtgraph.nodes.runtime", "rtgraph.graphs"]


@pytest.mark.parametrize("name", PACKAGES)
def test_each_name_is_found_where_type_checkers_find_it(name):
    package = importlib.import_module(name)
    typed = {
        alias.name: node.module
        for node in ast.walk(ast.parse(Path(package.__file__).read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module.startswith(f"{name}.")
        for alias in node.names
        if alias.name in package.__all__
    }

    assert set(typed) == set(package.__all__)
    for attribute, module in typed.items():
        assert getattr(package, attribute) is getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("name", PACKAGES)
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        importlib.import_module(name).nothing  # noqa: B018


def test_a_name_of_a_shipped_message_is_taken_before_its_module_is_imported():
    script = """
import sys
from rtgraph.msgs import Message
from rtgraph.msgs.errors import MessageError
assert "rtgraph.msgs.plant" not in sys.modules
try:
    class Observation(Message): ...
except MessageError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "Observation is already the name of a message class of rtgraph.msgs.plant" in found.stdout

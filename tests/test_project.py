"""The project as a whole: packages, layers, exported names."""

from __future__ import annotations

import ast
import graphlib
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import architecture
import grimp
import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("msgs", "nodes", "graphs", "launch")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]


def sources() -> list[Path]:
    return sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            found.add(node.module or "")
    return found


def test_the_package_list_is_what_is_on_disk() -> None:
    on_disk = {
        "rtgraph." + ".".join(init.parent.relative_to(ROOT).parts)
        for layer in LAYERS
        for init in (ROOT / layer).rglob("__init__.py")
    }
    assert set(PACKAGES) == on_disk
    assert sorted(PACKAGES) == PACKAGES


def test_the_prose_has_plain_words() -> None:
    hard = re.compile(
        r"\btold\b|\bwhose\b|\bis none of\b|\bwhat is to be\b|\bof (?:its|their) own\b|\bfor ever\b"
        r"|\bnone is\b|\b(?:if|after|for) so many\b"
    )
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {word}"
        for path in [*sources(), *pages]
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for word in hard.findall(line)
    ]
    assert not found, "say it in plain words: published, returned, its, separate, without limit"


def test_nothing_imports_a_bare_layer() -> None:
    found = [(str(path.relative_to(ROOT)), name) for path in sources() for name in imported(path)]
    assert not [(path, name) for path, name in found if name.partition(".")[0] in LAYERS], "without rtgraph."


def test_packages_import_only_what_the_contracts_allow() -> None:
    # In another process, since import-linter puts the working folder on sys.path.
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    ran = subprocess.run(
        [sys.executable, "-c", program], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_modules_import_each_other_in_a_circle() -> None:
    # Imports in functions and under TYPE_CHECKING count too.
    graph = grimp.build_graph(*(f"rtgraph.{layer}" for layer in LAYERS), cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(imports).prepare()


def test_the_picture_of_the_imports_is_current() -> None:
    assert architecture.PAGE.read_text() == architecture.page(), "hint: make architecture"


def test_a_folder_holds_about_fifteen_modules() -> None:
    for package in PACKAGES:
        modules = [info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__)]
        assert len([name for name in modules if f"{package}.{name}" not in PACKAGES]) <= 16, package


def test_exports_are_there() -> None:
    for package in PACKAGES:
        module = importlib.import_module(package)
        names = getattr(module, "__all__", [])
        assert len(set(names)) == len(names), package
        for name in names:
            assert hasattr(module, name), f"{package}.{name} is exported but not there"


def test_every_emulated_plant_is_a_name_of_its_package() -> None:
    plants = {
        name: path
        for name, path in PROJECT["project"]["entry-points"]["rtgraph.nodes"].items()
        if path.startswith("rtgraph.nodes.emulator")
    }
    assert plants
    missing = plants.keys() - set(importlib.import_module("rtgraph.nodes.emulator").__all__)
    assert not missing, f"not in nodes/emulator/__init__.py: {missing}"


def test_what_must_be_light_imports_no_torch() -> None:
    light = [
        "rtgraph.msgs",
        "rtgraph.nodes.runtime",
        "rtgraph.nodes.inference",
        "rtgraph.nodes.emulator",
        "rtgraph.nodes.learner",
        "rtgraph.nodes.replay",
        "rtgraph.nodes.robot",
        "rtgraph.launch.cli",
    ]
    program = "\n".join(
        [
            "import importlib, sys",
            f"for package in {light}:",
            "    importlib.import_module(package)",
            "    assert 'torch' not in sys.modules, package",
        ]
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_first_array_imports_nothing() -> None:
    """An import at the first tick would make a plant late."""
    program = "\n".join(
        [
            "import sys, numpy as np",
            "from rtgraph.msgs import Message, Observation, decode, encode",
            "class Empty(Message): pass",
            "decode(Empty, encode(Empty()))",  # as a node does before it starts
            "before = set(sys.modules)",
            "decode(Observation, encode(Observation(tick=0, episode=0, value=np.zeros(3))))",
            "sys.exit(', '.join(set(sys.modules) - before) or None)",
        ]
    )
    assert not subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).stderr


def test_a_realtime_launch_imports_no_report_and_no_virtual_world_before_it_starts() -> None:
    """They would take a tenth of a second from Enter to the first tick."""
    late = [
        "rtgraph.launch.report.final_report",
        "rtgraph.launch.report.summary",
        "rtgraph.launch.world.virtual_run",
    ]
    program = f"import sys, rtgraph.launch.run; sys.exit(', '.join(set({late}) & set(sys.modules)) or None)"
    assert not subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).stderr


def test_every_module_imports() -> None:
    for package in PACKAGES:
        module = importlib.import_module(package)
        for info in pkgutil.iter_modules(module.__path__):
            importlib.import_module(f"{package}.{info.name}")


def test_every_launch_file_that_ships_is_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from rtgraph.graphs import load_launch
    from rtgraph.msgs.errors import GraphError, RomError

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    need_a_rom = {"tetris", "pokemon_battles", "pokemon_catching"}
    shipped = sorted((ROOT / "launch" / "files").glob("*.yaml"))
    assert {path.stem for path in shipped} >= {
        "blocks",
        "boxing",
        "delay",
        "duel_battles",
        "duel_catching",
        "gymnasium",
        "inaction",
        "krull",
        "name_this_game",
        "pong",
        "sequential",
    }
    for path in shipped:
        for world in ("realtime", "virtual"):
            if path.stem in need_a_rom:
                with pytest.raises(RomError, match="is not imported"):
                    load_launch(path, world=world)
            elif path.stem == "screen" and world == "virtual":
                with pytest.raises(GraphError, match="drives a device"):
                    load_launch(path, world=world)
            else:
                plan = load_launch(path, world=world)
                assert plan.nodes
                assert load_launch(path, world=world) == plan  # what was parsed once is unchanged

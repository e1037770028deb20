"""Every error in files that has a message: where it points, and what it says."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

import pytest

from rtgraph.graphs import load_launch
from rtgraph.msgs.errors import GraphError

PLANT = """
nodes:
  plant: {class: "support.toys:Plant"}
"""


@dataclass
class Broken:
    """An invalid file, and the expected error. ``line`` counts from 1 in ``text``, after its leading newline."""

    name: str
    text: str
    line: int | None
    key: str | None
    says: str
    hint: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    file: str = "main.yaml"


def graph(nodes: str) -> str:
    """Return a graph with a plant in line 2, and more nodes from line 3 on."""
    return 'nodes:\n  plant: {class: "support.toys:Plant"}\n' + textwrap.indent(
        textwrap.dedent(nodes).strip(), "  "
    )


def worker(rest: str = "") -> str:
    return graph('worker:\n  class: support.toys:Worker\n  params: {plant: "${spec:plant}"}\n' + rest)


def launch(rest: str) -> str:
    return "graphs:\n  - graph: plant.yaml\n" + rest


WITH_PLANT = {"plant.yaml": PLANT}
RECORDED = {"plant.yaml": graph("recorder: {class: 'support.toys:Recorder'}")}
PACED = {"plant.yaml": worker("  replicas: 2\npacer: {class: 'support.toys:Pacer'}")}

# One line per file: this is a table.
# fmt: off
FILES = [
    Broken("empty", "", 1, None, "is empty"),
    Broken("only a comment", "# nothing\n", 1, None, "is empty"),
    Broken("not yaml", "nodes:\n  plant: [\n", 3, None, "is not YAML"),
    Broken("a tab", "nodes:\n\tplant: {}\n", 2, None, "is not YAML"),
    Broken("two documents", "nodes: {}\n---\nnodes: {}\n", 2, None, "is not YAML"),
    Broken("a control character", "nodes:\n  a\x07: {}\n", 2, None, "is not YAML"),
    Broken("a list", "- plant\n", 1, None, "holds a list, not a mapping"),
    Broken("text", "plant\n", 1, None, "holds text, not a mapping"),
    Broken("a key twice", graph("plant: {class: 'support.toys:Plant'}"), 3, "nodes.plant", "given twice, first in line 2"),
    Broken("a key that is a number", "nodes:\n  1: {}\n", 2, "nodes", "a key must be text, not 1", "quote it"),
    Broken("a tag", "description: !!python/name:os.system\n", 1, "description", "the tag"),
    Broken("an infinite number", "arguments:\n  x: {type: float, default: .inf}\n", 2, "arguments.x.default", "not a finite"),
    Broken("a recursive alias", "nodes: &a\n  plant: *a\n", None, None, "nested too deeply"),
    Broken("an unknown section", "nodez: {}\n", 1, "nodez", "unknown key 'nodez'", "did you mean 'nodes'?"),
    Broken("an unknown key", graph("w:\n  class: support.toys:Worker\n  replica: 2"), 5, "nodes.w.replica", "unknown key", "'replicas'"),
    Broken("nodes in a launch file", launch("nodes: {}\n"), 3, "nodes", "unknown key 'nodes'"),
    Broken("a launch file without graphs", "world: virtual\n", 1, "graphs", "missing key 'graphs'"),
    Broken("no class", "nodes:\n  plant:\n    params: {}\n", 2, "nodes.plant.class", "missing key 'class'"),
    Broken("text for a mapping", "nodes:\n  plant: support.toys:Plant\n", 2, "nodes.plant", "should be a mapping"),
    Broken("nothing for a mapping", "nodes:\n", 1, "nodes", "should be a mapping, not nothing"),
    Broken("a bad node name", "nodes:\n  Plant: {class: 'support.toys:Plant'}\n", 2, "nodes.Plant", "is not a name"),
    Broken("a number for text", "description: 3\nnodes: {}\n", 1, "description", "should be text, not 3", "quote it"),
    Broken("a bad priority", worker("  priority: high\n"), 6, "nodes.worker.priority", "should be 'low', 'normal'"),
    Broken("a bad restart key", worker("  restart: {wen: never}\n"), 6, "nodes.worker.restart.wen", "unknown key", "'when'"),
    Broken("negative replicas", worker("  replicas: -1\n"), 6, "nodes.worker.replicas", "should be ≥ 0, not -1"),
    Broken("true replicas", worker("  replicas: true\n"), 6, "nodes.worker.replicas", "should be a whole number, not True"),
    Broken("too many replicas", worker("  replicas: 100000\n"), 6, "nodes.worker.replicas", "should be ≤ 10000"),
    Broken("no threads", worker("  threads: 0\n"), 6, "nodes.worker.threads", "should be ≥ 1, not 0"),
    # Arguments.
    Broken("a bad argument type", "arguments:\n  x:\n    type: integer\n", 3, "arguments.x.type", "should be 'int', 'float'"),
    Broken("a default of another type", "arguments:\n  x:\n    type: int\n    default: six\n", 4, "arguments.x.default", "should be a whole number, not 'six'"),
    Broken("a default out of bounds", "arguments:\n  x: {type: int, default: 0, minimum: 1}\n", 2, "arguments.x.default", "0 is below the minimum, 1"),
    Broken("bounds of text", "arguments:\n  x: {type: str, minimum: 1}\n", 2, "arguments.x.minimum", "is for numbers only"),
    Broken("bounds crossed", "arguments:\n  x: {type: int, minimum: 2, maximum: 1}\n", 2, "arguments.x.minimum", "2 is above the maximum, 1"),
    Broken("a number for text", "arguments:\n  x: {type: str, default: 2048}\n", 2, "arguments.x.default", "should be text, not 2048", "quote it"),
    Broken("a missing argument", "arguments:\n  x: {type: int}\n" + PLANT, 2, "arguments.x", "missing argument 'x'", "add x=..."),
    Broken("an unknown argument", "arguments:\n  workers: {type: int, default: 1}\n" + PLANT, 1, "arguments", "unknown argument 'worker'", "'workers'", {"worker": "2"}),
    Broken("arguments where there are none", PLANT, None, "arguments", "unknown argument 'x'", "there are no arguments", {"x": "2"}),
    Broken("an argument of another type", "arguments:\n  x: {type: int, default: 1}\n" + PLANT, 2, "arguments.x", "should be a whole number in decimal digits, not '1.5'", "", {"x": "1.5"}),
    Broken("a bool that is none", "arguments:\n  x: {type: bool, default: true}\n" + PLANT, 2, "arguments.x", "should be true or false, not '1'", "", {"x": "1"}),
    Broken("an argument above the maximum", "arguments:\n  x: {type: float, default: 1, maximum: 2}\n" + PLANT, 2, "arguments.x", "3.0 is above the maximum, 2", "", {"x": "3"}),
    Broken("an argument not among the choices", "arguments:\n  x: {type: str, default: none, choices: [none, paced]}\n" + PLANT, 2, "arguments.x", "'pased' is not among the choices", "did you mean 'paced'?", {"x": "pased"}),
    # References.
    Broken("an unknown reference", "arguments:\n  workers: {type: int, default: 1}\n" + worker("  replicas: ${worker}\n"), 8, "nodes.worker.replicas", "unknown reference ${worker}", "'workers'"),
    Broken("an unknown kind of reference", worker("  python: '${enf:PY}'\n"), 6, "nodes.worker.python", "unknown reference ${enf:PY}", "'env'"),
    Broken("an environment variable that is not set", worker("  python: '${env:RTGRAPH_NOT_SET}'\n"), 6, "nodes.worker.python", "'RTGRAPH_NOT_SET' is not set"),
    Broken("a reference without an end", worker("  python: '${env:PY'\n"), 6, "nodes.worker.python", "has a ${ without"),
    Broken("a mapping in text", graph("w:\n  class: support.toys:Recorder\n  params:\n    name: 'a ${spec:plant}'"), 6, "nodes.w.params.name", "is a mapping, which cannot be part of a text"),
    Broken("a spec outside params", worker("  threads: '${spec:plant.rate_hz}'\n"), 6, "nodes.worker.threads", "cannot be used here"),
    Broken("the spec of nothing", graph("w:\n  class: support.toys:Worker\n  params:\n    plant: '${spec:plnt}'"), 6, "nodes.w.params.plant", "there is no node 'plnt'", "'plant'"),
    Broken("the spec of no plant", graph("w:\n  class: support.toys:Recorder\n  params:\n    options: '${spec:w}'"), 6, "nodes.w.params.options", "'w' is not a plant", "choose from plant"),
    Broken("a spec's unknown field", graph("w:\n  class: support.toys:Recorder\n  params:\n    name: '${spec:plant.rate}'"), 6, "nodes.w.params.name", "has no 'rate'", "'rate_hz'"),
    Broken("a plant that cannot say its spec", "nodes:\n  plant:\n    class: support.toys:Plant\n    params: {game: missing}\n  worker:\n    class: support.toys:Worker\n    params: {plant: '${spec:plant}'}\n", 4, "nodes.plant.params", "there is no game 'missing'", "pong and boxing"),
    Broken("a plant that refers to itself", "nodes:\n  plant:\n    class: support.toys:Plant\n    params: {game: '${spec:plant.rate_hz}'}\n", 4, "nodes.plant.params", "refer to each other: plant -> plant"),
    Broken("weights that are not there", "weights:\n  policy: {network: {kind: mlp}, plant: plant}\n" + graph("w:\n  class: support.toys:Recorder\n  params: {name: '${weights:polcy}'}"), 7, "nodes.w.params.name", "there are no weights 'polcy'", "'policy'"),
    Broken("a bad condition", worker("  if: '${spec}'\n").replace("nodes:", "arguments: {spec: {type: int, default: 1}}\nnodes:"), 7, "nodes.worker.if", "is not a condition"),
    Broken("a condition with two comparisons", worker("  if: 'a == b == c'\n"), 6, "nodes.worker.if", "is not a condition"),
    Broken("a condition with one side", worker("  if: 'a =='\n"), 6, "nodes.worker.if", "is not a condition"),
    Broken("an unknown reference in a condition", worker("  if: '${x} == 1'\n"), 6, "nodes.worker.if", "unknown reference ${x}"),
    # Classes and params.
    Broken("no class path", "nodes:\n  a: {class: Plant}\n", 2, "nodes.a.class", "is not a class path: package.module:Class"),
    Broken("a module that is not there", "nodes:\n  a: {class: 'support.toyz:Plant'}\n", 2, "nodes.a.class", "'support.toyz' cannot be imported"),
    Broken("a class that is not there", "nodes:\n  a: {class: 'support.toys:Plnt'}\n", 2, "nodes.a.class", "has no class 'Plnt'", "Plant"),
    Broken("a class that is no node", "nodes:\n  a: {class: 'support.toys:NotANode'}\n", 2, "nodes.a.class", "is not a node class"),
    Broken("an unknown param", "nodes:\n  plant:\n    class: support.toys:Plant\n    params:\n      rate: 60\n      game: pong\n", 5, "nodes.plant.params.rate", "unknown param 'rate'", "'rate_hz'"),
    Broken("a param of another type", "nodes:\n  plant:\n    class: support.toys:Plant\n    params:\n      game: pong\n      rate_hz: fast\n", 6, "nodes.plant.params.rate_hz", "should be a number, not 'fast'"),
    Broken("a param out of bounds", "nodes:\n  plant:\n    class: support.toys:Plant\n    params: {rate_hz: 0}\n", 4, "nodes.plant.params.rate_hz", "should be > 0"),
    Broken("a param not among the choices", worker().replace('}"}', '}", method: pace}'), 5, "nodes.worker.params.method", "should be 'none', 'maximum_time' or 'paced', not 'pace'", "'paced'"),
    Broken("a missing param", "nodes:\n  a:\n    class: support.toys:Worker\n    params: {}\n", 4, "nodes.a.params.plant", "missing param 'plant'"),
    Broken("a missing param, and no params", "nodes:\n  a:\n    class: support.toys:Worker\n", 2, "nodes.a.params.plant", "missing param 'plant'"),
    Broken("params that do not go together", worker().replace('}"}', '}", method: paced, batch: 2}'), 5, "nodes.worker.params", "paced workers take one observation at a time"),
    Broken("a param that JSON cannot hold", graph("a: {class: 'support.toys:Endless'}"), 3, "nodes.a.params.limit", "inf cannot be written as JSON"),
    Broken("an action without a bound", "nodes:\n  plant:\n    class: support.toys:Boundless\n    params: {game: pong}\n  worker:\n    class: support.toys:Worker\n    params: {plant: \"${spec:plant}\"}\n", 2, "nodes.plant.action.low", "-inf cannot be written as JSON", "the bounds of an action must be finite"),
    # Wiring.
    Broken("a remap of no port", worker("  remap: {observatoin: x}\n"), 6, "nodes.worker.remap.observatoin", "Worker has no port 'observatoin'", "'observation'"),
    Broken("a bad topic", worker("  remap: {observation: 'a//b'}\n"), 6, "nodes.worker.remap.observation", "is not a topic"),
    Broken("an input that nobody feeds", worker("  remap: {observation: observations}\n"), 6, "nodes.worker.remap.observation", "nothing publishes 'observations' for input 'observation' of 'worker' (Seen)", "did you mean 'observation'?"),
    Broken("an input without anything like it", worker("  remap: {observation: camera}\n"), 6, "nodes.worker.remap.observation", "nothing publishes 'camera'", "Seen is on observation"),
    Broken("an input of a type that nobody has", "nodes:\n  a: {class: 'support.toys:Recorder'}\n", 2, "nodes.a", "nothing publishes 'observation'", "nothing publishes Seen"),
    Broken("types that differ", worker("  remap: {observation: decision}\n"), 6, "nodes.worker.remap.observation", "types differ on 'decision': input 'observation' of 'worker' takes Seen, output 'decision' of 'worker' publishes Chosen"),
    Broken("publishers that differ", worker("  remap: {decision: observation}\n"), 6, "nodes.worker.remap.decision", "output 'decision' of 'worker' publishes Chosen, output 'observation' of 'plant' publishes Seen"),
    Broken("two publishers of one", worker("  replicas: 2\nsingle: {class: 'support.toys:Single'}\n"), 7, "nodes.single", "takes one publisher of 'decision', and there are 2: worker/0, worker/1"),
    Broken("two ports on one topic", "nodes:\n  a:\n    class: support.toys:Twice\n    remap: {copy: observation}\n", 2, "nodes.a", "both publish on 'observation'", "remap one"),
    Broken("a keyed output for an unkeyed input", graph("pacer: {class: 'support.toys:Pacer'}\nlistener: {class: 'support.toys:Listener'}"), 4, "nodes.listener", "output 'assignment' of 'pacer' is keyed"),
    Broken("no nodes at all", "nodes: {}\n", 1, None, "has no nodes to run"),
    # Includes.
    Broken("an include that is not there", "includes:\n  - graph: plan.yaml\n", 2, "includes.0.graph", "no such file", "did you mean 'plant.yaml'?", others=WITH_PLANT),
    Broken("a shipped graph that is not there", "includes:\n  - graph: no_such_graph_at_all\n", 2, "includes.0.graph", "no graph or launch file is named"),
    Broken("an include of itself", "includes:\n  - graph: ./main.yaml\n", 2, "includes.0.graph", "include each other: main.yaml -> main.yaml"),
    Broken("a circle of includes", "includes: [{graph: a.yaml}]\n", 2, "includes.0.graph", "main.yaml -> a.yaml -> main.yaml", others={"a.yaml": "includes:\n  - graph: main.yaml\n"}, file="a.yaml"),
    Broken("an include of a launch file", "includes: [{graph: a.yaml}]\n", 1, "includes.0.graph", "a.yaml is a launch file", others={"a.yaml": "graphs: []\n"}),
    Broken("an error in an include", "includes: [{graph: a.yaml}]\n", 2, "nodes.x.klass", "unknown key", "'class'", others={"a.yaml": "nodes:\n  x: {klass: 1}\n"}, file="a.yaml"),
    Broken("an include without its argument", "includes:\n  - graph: a.yaml\n", 2, "includes.0.arguments", "missing argument 'x'", "declared in", others={"a.yaml": "arguments: {x: {type: int}}\n"}),
    Broken("an include with an unknown argument", "includes:\n  - graph: plant.yaml\n    arguments:\n      x: 1\n", 4, "includes.0.arguments.x", "unknown argument 'x'", others=WITH_PLANT),
    Broken("an include with a bad argument", "includes:\n  - graph: a.yaml\n    arguments:\n      x: many\n", 4, "includes.0.arguments.x", "should be a whole number, not 'many'", others={"a.yaml": "arguments: {x: {type: int}}\n"}),
    Broken("two nodes of one name", "includes:\n  - graph: plant.yaml\nnodes:\n  plant: {class: 'support.toys:Plant'}\n", 4, "nodes.plant", "two nodes are named 'plant'", "namespace", others=WITH_PLANT),
    Broken("a remap of no topic", "includes:\n  - graph: plant.yaml\n    remap:\n      observatoin: x\n", 4, "includes.0.remap.observatoin", "no node of the included graph has the topic", "'observation'", others=WITH_PLANT),
    Broken("a bad namespace", "includes:\n  - graph: plant.yaml\n    namespace: /left\n", 3, "includes.0.namespace", "is not names with /", others=WITH_PLANT),
    # Weights.
    Broken("an unknown network", "weights:\n  policy:\n    network: {kind: impalla}\n    plant: plant\n" + graph(""), 3, "weights.policy.network", "unknown kind 'impalla'", "'impala'"),
    Broken("a network without a kind", "weights:\n  policy: {network: {}, plant: plant}\n" + graph(""), 2, "weights.policy.network", "missing key 'kind'"),
    Broken("a bad network", "weights:\n  policy:\n    network: {kind: impala, k: wide}\n    plant: plant\n" + graph(""), 3, "weights.policy.network.k", "should be a number, not 'wide'"),
    Broken("an unknown key of a network", "weights:\n  policy:\n    network: {kind: impala, deph: 2}\n    plant: plant\n" + graph(""), 3, "weights.policy.network.deph", "unknown key", "'depth'"),
    Broken("weights for no node", "weights:\n  policy:\n    network: {kind: mlp}\n    plant: plnt\n" + graph(""), 4, "weights.policy.plant", "there is no node 'plnt'", "'plant'"),
    Broken("weights for no plant", "weights:\n  policy: {network: {kind: mlp}, plant: w}\n" + graph("w: {class: 'support.toys:Recorder'}"), 2, "weights.policy.plant", "'w' is not a plant"),
    # Launch files.
    Broken("a bad world", launch("world: real\n"), 3, "world", "should be 'realtime' or 'virtual', not 'real'", "'realtime'", others=WITH_PLANT),
    Broken("a negative seed", launch("seed: -1\n"), 3, "seed", "should be ≥ 0, not -1", others=WITH_PLANT),
    Broken("a duration of nothing", launch("duration_s: 0\n"), 3, "duration_s", "should be > 0", others=WITH_PLANT),
    Broken("ticks in parts", launch("ticks: 1.5\n"), 3, "ticks", "should be a whole number, not 1.5", others=WITH_PLANT),
    Broken("no graphs to launch", "graphs: []\n", 1, "graphs", "must not be empty"),
    Broken("an unknown launch key", launch("tick: 10\n"), 3, "tick", "unknown key 'tick'", "'ticks'", others=WITH_PLANT),
    Broken("an unknown fault", launch("world: virtual\nfaults:\n  - {kind: edje}\n"), 5, "faults.0", "unknown kind 'edje'", "'edge'", others=RECORDED),
    Broken("a fault without a kind", launch("world: virtual\nfaults:\n  - {drop: 0.5}\n"), 5, "faults.0", "missing key 'kind'", others=RECORDED),
    Broken("an improbable fault", launch("world: virtual\nfaults:\n  - kind: edge\n    drop: 1.5\n"), 6, "faults.0.drop", "should be ≤ 1", others=RECORDED),
    Broken("a fault of no node", launch("world: virtual\nfaults:\n  - {kind: crash, node: plnt, at_ns: 0}\n"), 5, "faults.0.node", "'plnt' matches no node", "'plant'", others=RECORDED),
    Broken("a fault of no output", launch("world: virtual\nfaults:\n  - {kind: edge, port: decision}\n"), 5, "faults.0.port", "'decision' matches no output", others=RECORDED),
    Broken("a delay of no node", launch("world: virtual\ndelays:\n  - {target: recoder, latency: {kind: constant, ms: 1}}\n"), 5, "delays.0.target", "'recoder' matches no node", "'recorder'", others=RECORDED),
    Broken("a delay of no output", launch("world: virtual\ndelays:\n  - {port: decision, latency: {kind: constant, ms: 1}}\n"), 5, "delays.0.port", "'decision' matches no output", others=RECORDED),
    Broken("a delay of no edge", launch("world: virtual\ndelays:\n  - source: worker/*\n    target: pacer\n    latency: {kind: constant, ms: 1}\n"), 5, "delays.0", "{source: worker/*, target: pacer, port: *} matches no edge", "the nearest edges are {source: worker/*, target: plant, port: decision}, {source: plant, target: pacer, port: observation}", others=PACED),
    Broken("a fault of no edge", launch("world: virtual\nfaults:\n  - {kind: crash, node: plant, at_ns: 1}\n  - {kind: edge, target: worker/*, port: decision, drop: 0.1}\n"), 6, "faults.1", "matches no edge", "the nearest edges are {source: plant, target: worker/*, port: observation}, {source: pacer, target: worker/*, port: assignment}, {source: worker/*, target: plant", others=PACED),
    Broken("a fault without edges", launch("world: virtual\nfaults:\n  - {kind: edge}\n"), 5, "faults.0", "matches no edge", "the graph has no edges", others=WITH_PLANT),
    Broken("a delay in frames", launch("world: virtual\ndelays:\n  - latency: {kind: constant, frames: 1}\n"), 5, "delays.0", "an edge has no frame rate", others=RECORDED),
    Broken("a delay of an unknown kind", launch("world: virtual\ndelays:\n  - latency: {kind: measured}\n"), 5, "delays.0.latency", "unknown kind 'measured'", others=RECORDED),
    Broken("a delay in the real world", launch("delays:\n  - latency: {kind: constant, ms: 1}\n"), 3, "delays", "cannot be delayed in the realtime world", others=RECORDED),
    Broken("a fault in the real world", launch("faults:\n  - {kind: edge}\n"), 3, "faults", "cannot be injected in the realtime world", others=RECORDED),
    Broken("a replacement of nothing", launch("replace:\n  plnt: {class: 'support.toys:Robot'}\n"), 4, "replace.plnt", "there is no node 'plnt' to replace", "'plant'", others=RECORDED),
    Broken("a replacement without an output", launch("replace:\n  plant:\n    class: support.toys:Pacer\n"), 5, "replace.plant.class", "Pacer cannot replace Plant: it has no output 'observation' (Seen), which input 'observation' of 'recorder' needs", others=RECORDED),
    Broken("a replacement without an input", launch("replace:\n  plant:\n    class: support.toys:Deaf\n"), 5, "replace.plant.class", "it has no input 'decision' (Chosen), which output 'decision' of 'worker' needs", others={"plant.yaml": worker()}),
    Broken("a replacement of another type", launch("replace:\n  plant:\n    class: support.toys:Odd\n"), 5, "replace.plant.class", "its output 'observation' is Note, and input 'observation' of 'recorder' needs Seen", others=RECORDED),
    Broken("a replacement with a bad param", launch("replace:\n  plant:\n    class: support.toys:Robot\n    params:\n      arms: x\n"), 7, "replace.plant.params.arms", "unknown param 'arms'", "'arm'", others=RECORDED),
]
# fmt: on


@pytest.mark.parametrize("broken", FILES, ids=lambda broken: broken.name)
def test_a_broken_file_is_told_where_and_what(broken: Broken, tmp_path) -> None:
    for name, text in {**broken.others, "main.yaml": broken.text}.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(GraphError) as caught:
        load_launch(tmp_path / "main.yaml", broken.arguments, environment={})
    error = caught.value
    told = f"told: {error}"
    assert broken.says in error.problem, told
    assert broken.hint in (error.hint or ""), told
    assert error.key == broken.key, told
    assert error.file == str(tmp_path / broken.file), told
    assert broken.line is None or error.line == broken.line, told


def test_a_file_that_is_not_there_is_told_with_what_is_near(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boxing.yaml").write_text(PLANT)
    with pytest.raises(GraphError, match=r"no such file: boxng.yaml. hint: did you mean 'boxing.yaml'\?"):
        load_launch("boxng.yaml")
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "demo.yaml").write_text(PLANT)
    with pytest.raises(
        GraphError, match=r"no graph or launch file is named 'dmo'. hint: did you mean 'demo'\?"
    ):
        load_launch("dmo", folders=[shelf])


def test_a_folder_is_not_taken_for_a_file_that_is_not_there(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dir.yaml").mkdir()
    with pytest.raises(
        GraphError, match=r"^dir.yaml is a folder, not a graph or launch file\. hint: name a file"
    ):
        load_launch("dir.yaml")
    (tmp_path / "dir.yaml" / "plant.yaml").write_text(PLANT)
    with pytest.raises(GraphError, match=r"hint: name a file in it: plant\.yaml$"):
        load_launch("dir.yaml")


def test_a_launch_file_that_ships_is_known_where_it_is_included(tmp_path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "boxing.yaml").write_text("graphs: [{graph: atari}, {graph: impala}]\n")
    for include in ("{graph: boxing}", "{graph: boxing, expose: true}"):
        (tmp_path / "mine.yaml").write_text(f"graphs: [{include}]\n")
        with pytest.raises(
            GraphError,
            match=r"boxing\.yaml is a launch file, which cannot be included\. hint: include what it launches: atari, impala",
        ):
            load_launch(tmp_path / "mine.yaml", folders=[shelf])


@pytest.mark.parametrize("name", ["", "\0", "a" * 5000, "a" * 5000 + ".yaml", "."])
def test_a_name_that_cannot_be_a_file(name) -> None:
    with pytest.raises(GraphError):
        load_launch(name)


def test_bytes_that_are_not_text(tmp_path) -> None:
    (tmp_path / "main.yaml").write_bytes(b"description: a\nnodes: \xff\n")
    with pytest.raises(GraphError, match=r"main\.yaml:2: is not YAML: its text is not UTF-8"):
        load_launch(tmp_path / "main.yaml")


def test_aliases_cannot_blow_up_the_memory(tmp_path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (tmp_path / "main.yaml").write_text("\n".join(lines))
    with pytest.raises(
        GraphError,
        match=r"main\.yaml:1: the file holds more than 100,000 values up to here\. hint: put long lists into a file",
    ):
        load_launch(tmp_path / "main.yaml")


def test_too_many_values_are_an_error_of_the_file_where_they_end(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("rtgraph.graphs.reading.positions.MOST_VALUES", 6)
    (tmp_path / "main.yaml").write_text("nodes:\n  a: {}\n  b:\n    - 1\n    - 2\n    - 3\n    - 4\n")
    with pytest.raises(GraphError, match=r"main\.yaml:6: the file holds more than 6 values up to here"):
        load_launch(tmp_path / "main.yaml")


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ({"world": "real"}, "world"),
        ({"seed": -1}, "seed"),
        ({"ticks": 0}, "ticks"),
        ({"duration_s": -1.0}, "duration_s"),
        ({"replace": {"plant": {"clas": "a:B"}}}, "replace.plant.clas"),
        ({"replace": {"plnt": {"class": "support.toys:Robot"}}}, "replace.plnt"),
        ({"replace": {"plant": {"class": "support.toys:Nobody"}}}, "replace.plant.class"),
        ({"replace": {"plant": {"class": "support.toys:Robot"}}}, "replace.plant.params.arm"),
    ],
)
def test_overrides_are_checked_like_files(tmp_path, override, key) -> None:
    (tmp_path / "main.yaml").write_text(PLANT)
    with pytest.raises(GraphError) as caught:
        load_launch(tmp_path / "main.yaml", **override)
    assert (caught.value.file, caught.value.line, caught.value.key) == ("command line", None, key)

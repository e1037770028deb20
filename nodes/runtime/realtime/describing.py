"""Describe node classes to a launcher in another interpreter.

The command is ``python -m rtgraph.nodes.runtime.realtime.describing``.

Each line on stdin is a request as JSON. Each line on stdout is the answer to one request. Only the first line on stdout has no
request: it is the digest of this interpreter's messages. The launcher's digest must be equal.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from rtgraph.msgs.errors import RtgraphError
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.runtime.classes.description import describe, params_digest
from rtgraph.nodes.runtime.classes.imports import look_in, pin
from rtgraph.nodes.runtime.classes.loading import load_class, validated_params
from rtgraph.nodes.runtime.identity import spec_of
from rtgraph.nodes.runtime.realtime.control import protocol


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a node class.

    If the request has ``params``, also return the validated parameters and, for a plant (environment or robot), the spec:
    shapes and dtypes of observations and actions.
    """
    look_in(*map(Path, question["folders"]))
    pin({name: Path(module) for name, module in question["modules"].items()})
    path = question["class"]
    node_type = load_class(path)
    description = describe(path, node_type)
    if "params" not in question:
        return {"description": description.model_dump(mode="json")}
    params = validated_params(node_type, question["params"])
    node_type.check(params)
    written = params.model_dump(mode="json", by_alias=True)
    specs = {params_digest(written): spec_of(node_type, params)} if hasattr(node_type, "spec") else {}
    described = description.model_copy(update={"specs": specs})
    return {"description": described.model_dump(mode="json"), "params": written}


def main() -> None:
    """Answer the requests on stdin, one per line, until stdin ends.

    Only answers go to stdout: what modules print during import goes to stderr.
    """
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        print(json.dumps({"protocol": protocol()}), file=out, flush=True)
        for line in sys.stdin:
            try:
                reply = answer(json.loads(line))
            except RtgraphError as error:
                reply = {"problem": error.problem, "hint": error.hint}
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # whatever a class's code raises
                reply = {"problem": in_one_line(error), "hint": None}
            print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    main()

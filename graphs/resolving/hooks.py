"""Calls ``check``, ``spec`` and other class methods of nodes, so that an error names the line of the node's params."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from rtgraph.graphs.reading.positions import Place
from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import GraphError, NodeError, RomError, RtgraphError
from rtgraph.msgs.typed.extras import missing_package
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.runtime.classes.imports import raised_at
from rtgraph.nodes.runtime.identity import spec_of
from rtgraph.nodes.runtime.interface.node import Node, Params
from rtgraph.nodes.runtime.interface.ports import Output


@contextlib.contextmanager
def calling(hook: str, place: Place) -> Iterator[None]:
    """Turn an exception of a node class into an error that names the line of the node's params.

    Args:
        hook: the name of the called method, for error messages, such as ``Camera.check``.
        place: where the node's params are written.

    Raises:
        RomError: the class needs a ROM (a game's file) that is missing.
        GraphError: the method raised any other exception. An ``RtgraphError`` keeps its problem and its hint.
    """
    try:
        yield
    except (GraphError, RomError):  # a missing ROM is not an error of the graph
        raise
    except RtgraphError as error:
        raise place.error(error.problem, hint=error.hint) from error
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # whatever a class's code raises
        missing = missing_package(error) if isinstance(error, ModuleNotFoundError) else None
        if missing is not None:
            raise place.error(missing.problem, hint=missing.hint) from error
        raise place.error(f"{hook} failed: {raised_at(error)}{in_one_line(error)}") from error


def described_spec(node_type: type[Node[Any]], params: Params, place: Place) -> PlantSpec:
    """Return the spec of a plant with these parameters.

    Raises:
        GraphError: the class's code raises an error, or returns something other than a spec.
    """
    with calling(f"{node_type.__name__}.spec", place):
        try:
            return spec_of(node_type, params)
        except ValidationError:  # also a ValueError, but with a text of many lines
            raise
        except ValueError as error:  # environments say what is wrong with their settings
            problem, _, hint = str(error).partition(". hint: ")
            raise place.error(problem, hint=hint or None) from error


def check_outputs(node_type: type[Node[Any]], params: Params) -> None:
    """Check that a class's ``outputs_of`` returns outputs for these parameters.

    Raises:
        NodeError: ``outputs_of`` returns something other than a dict of ``Output``.
    """
    outputs: object = node_type.outputs_of(params)
    if not isinstance(outputs, dict) or not all(isinstance(output, Output) for output in outputs.values()):
        raise NodeError(
            f"{node_type.__name__}.outputs_of returns {outputs!r:.60}", hint="return a dict of Output"
        )

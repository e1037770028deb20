"""JSON Schemas of graph and launch files, with which editors complete and check YAML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from rtgraph.graphs.reading.model import GraphFile, LaunchFile
from rtgraph.msgs.wire.field_docs import WithFieldDocs

_REFERENCE = {"type": "string", "pattern": r"\$\{"}


def launch_schema() -> dict[str, Any]:
    """Return the JSON Schema of a launch file."""
    return _schema(LaunchFile, "rtgraph launch file")


def graph_schema() -> dict[str, Any]:
    """Return the JSON Schema of a graph file."""
    return _schema(GraphFile, "rtgraph graph file")


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    described = model.model_json_schema(schema_generator=WithFieldDocs)
    properties = {key: _with_references(part) for key, part in described.items()}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **properties, "title": title}


def _with_references(schema: object) -> object:
    """Return the schema changed so that a reference such as ``${workers}`` may stand for every value but a mapping or a list."""
    if isinstance(schema, list):
        return [_with_references(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {
        key: item if key in ("enum", "default", "propertyNames") else _with_references(item)
        for key, item in schema.items()
    }
    text = schema.get("type") == "string" and not {"enum", "pattern"} & schema.keys()
    if (
        "const" in schema
        or text
        or not isinstance(schema.get("type"), str)
        or schema["type"] in ("object", "array", "null")
    ):
        return inner
    about = {key: inner.pop(key) for key in ("title", "description", "default") if key in inner}
    return {**about, "anyOf": [inner, _REFERENCE]}

"""The strings below the fields of pydantic models, read from the source when they are asked for.

pydantic can read these strings too (``use_attribute_docstrings``), but reads them whenever it defines a class. That took 0.17
s of the 2.3 s of processor time that each process of a launch needs to start.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return the descriptions of a model's fields by name: the ``description`` of the ``Field``, or the string below it."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        own = _strings_below(base) if issubclass(base, BaseModel) and base is not BaseModel else {}
        for name in inspect.get_annotations(base):
            found.pop(name, None)
        found |= own
    written = {name: field.description or found.get(name) for name, field in model.model_fields.items()}
    return {name: text for name, text in written.items() if text}


class WithFieldDocs(GenerateJsonSchema):
    """Makes JSON Schemas that contain the descriptions of the fields, also those that stand below a field in the source."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        fields = made.get("properties", {})
        for name, text in field_docs(schema["cls"]).items():
            if name in fields:  # neither renamed nor left out
                fields[name].setdefault("description", text)
        return made


def _strings_below(model: type) -> dict[str, str]:
    """Return the strings below the annotated names of a class, by name, without those of its base classes.

    The result is empty if the source of the class is not available.
    """
    try:
        source = inspect.getsource(inspect.getmodule(model) or model)
    except (OSError, TypeError):  # made at run time
        return {}
    return _in_classes(source).get(model.__qualname__, {})


@functools.lru_cache(64)
def _in_classes(source: str) -> dict[str, dict[str, str]]:
    """Return the docstrings of fields in a module's source: the string below each ``name: type``.

    Returns:
        For each class, by ``__qualname__``, a dict of its docstrings by the name of the field.
    """
    return {
        name: {
            field.target.id: inspect.cleandoc(below.value.value)
            for field, below in zip(definition.body, definition.body[1:], strict=False)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        }
        for name, definition in _classes(ast.parse(source), "")
    }


def _classes(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for child in ast.iter_child_nodes(node):
        name = prefix
        if isinstance(child, ast.ClassDef):
            yield prefix + child.name, child
            name = f"{prefix}{child.name}."
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}{child.name}.<locals>."
        yield from _classes(child, name)

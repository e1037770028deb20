"""The strings below fields: descriptions in JSON Schemas, read when they are asked for."""

from __future__ import annotations

from pydantic import BaseModel, Field

from rtgraph.msgs.wire.field_docs import WithFieldDocs, field_docs


class Base(BaseModel):
    first: int
    """The first of
    two lines."""
    second: int
    """Described in the base."""
    third: int = Field(description="Described by its Field.")
    """Not this."""


class Derived(Base):
    second: int
    fourth: int = Field(alias="4th")
    """Renamed in schemas."""


def test_a_field_is_described_by_its_field_or_by_the_string_below_its_last_declaration() -> None:
    assert field_docs(Base) == {
        "first": "The first of\ntwo lines.",
        "second": "Described in the base.",
        "third": "Described by its Field.",
    }
    assert field_docs(Derived) == {
        "first": "The first of\ntwo lines.",
        "third": "Described by its Field.",
        "fourth": "Renamed in schemas.",
    }


def test_classes_of_one_name_have_their_own_strings() -> None:
    class Base(BaseModel):
        first: int
        """Inside a function."""

    made = type("Made", (BaseModel,), {"__annotations__": {"first": int}})
    assert field_docs(Base) == {"first": "Inside a function."}
    assert field_docs(made) == {}


def test_the_strings_are_in_a_schema_made_with_them_only() -> None:
    described = Derived.model_json_schema(schema_generator=WithFieldDocs)["properties"]
    assert described["first"]["description"] == "The first of\ntwo lines."
    assert [name for name, field in described.items() if "description" not in field] == ["second", "4th"]
    assert "description" not in Derived.model_json_schema()["properties"]["first"]

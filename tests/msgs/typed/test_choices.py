from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from rtgraph.msgs.typed.choices import OneOf
from rtgraph.msgs.typed.strict import complaint, strict


def test_names_are_looked_up_only_for_a_value_that_is_not_common() -> None:
    calls = []
    adapter = TypeAdapter(
        Annotated[str, OneOf("gait", lambda: calls.append(1) or ("trot", "pace"), ("walk",))]
    )
    assert strict(adapter, "walk") == "walk"
    assert not calls
    assert strict(adapter, "trot") == "trot"
    with pytest.raises(ValidationError) as raised:
        strict(adapter, "trod")
    (details,) = raised.value.errors(include_url=False)
    assert complaint(details) == ("unknown gait 'trod'", "did you mean 'trot'?")
    with pytest.raises(ValidationError):
        strict(adapter, 3)

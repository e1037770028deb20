"""Values typed by people, from text to the node's value: the written value, or an error."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle, typed
from support.examples import examples
from support.sessions import RECORDING, recorded
from support.typed import AllParams, Everything

from rtgraph.graphs import load_launch
from rtgraph.launch.cli import main
from rtgraph.launch.introspection.commands.pub import made
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import GraphError, NodeError
from rtgraph.msgs.typed.text import Typed
from rtgraph.nodes.runtime.interface.changeable import changeable_values, with_values

FIELDS = sorted(AllParams.model_fields)


def told(capsys, *arguments):
    """Run a command; return its exit code and its error output."""
    try:
        code = main([*map(str, arguments)])
    except SystemExit as error:
        code = int(error.code or 0)
    return code, capsys.readouterr().err


# ---- the value of text, by a slow parser -----------------------------------------------------------------------------


def expected(field, text):
    """Return the value of text in a field by a slow parser; ``Refused`` if it has none."""
    whole = oracle.whole(text)
    real = oracle.nearest(text)
    nothing = text in ("null", "none")
    try:
        text.encode()
    except UnicodeEncodeError:
        return Refused
    match field:
        case "whole":
            return whole if whole is not None and abs(whole) <= 1000 else Refused
        case "wide":
            return Refused if whole is None else whole
        case "real":
            return Refused if real is None else real
        case "flag":
            return Refused if oracle.is_truth(text) is None else oracle.is_truth(text)
        case "name":
            return text
        case "mode":
            return text if text in ("fast", "slow", "none") else Refused
        case "limit":
            return None if nothing else Refused if whole is None else whole
        case "either":
            return "auto" if text == "auto" else Refused if whole is None else whole
        case "file":
            return Path(text)
        case "anything":
            return None if nothing else text
        case "names" if not text.lstrip().startswith("["):
            return tuple(text.split(",")) if text else ()
        case "numbers" if not text.lstrip().startswith("["):
            numbers = [oracle.nearest(part) for part in text.split(",")] if text else []
            return Refused if None in numbers else numbers
    return Unknown


class Refused:
    """Text without a valid value."""


class Unknown:
    """Text that the slow parser does not cover: only the type of the value is checked."""


def same(found, wanted):
    if isinstance(wanted, float):
        return (
            type(found) is float and math.copysign(1, found) == math.copysign(1, wanted) and found == wanted
        )
    return type(found) is type(wanted) and found == wanted


def check(field, text, read, errors):
    wanted = expected(field, text)
    found, error = outcome(read, errors)
    if error is not None:
        assert wanted in (Refused, Unknown), f"{field}={text!r} is refused: {error}"
        assert field in str(error) or "UTF-8" in str(error), f"the error does not name {field}: {error}"
    elif wanted is Unknown:
        AllParams.model_validate({field: found}, strict=True)
    else:
        assert wanted is not Refused, f"{field}={text!r} became {found!r}"
        assert same(found, wanted), f"{field}={text!r} became {found!r}"


def outcome(read, errors):
    try:
        return read(), None
    except errors as error:
        return None, error


# ---- parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("name", "off", "off"),
        ("name", "no", "no"),
        ("name", "a # c", "a # c"),
        ("name", "12:30", "12:30"),
        ("name", "2024-01-01", "2024-01-01"),
        ("wide", "010", 10),
        ("limit", "null", None),
        ("flag", "true", True),
    ],
)
def test_the_declared_type_says_what_text_stands_for(field, text, value):
    assert same(changeable_values(with_values(AllParams(), {field: Typed(text)}))[field], value)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("wide", "12:30"),
        ("wide", "99999999999999999999999"),
        ("wide", "1e3"),
        ("real", "nan"),
        ("real", "inf"),
        ("flag", "on"),
        ("whole", "1001"),
    ],
)
def test_text_that_stands_for_nothing_is_refused(field, text):
    with pytest.raises(NodeError, match=field):
        with_values(AllParams(), {field: Typed(text)})


@examples(200)
@given(st.sampled_from(FIELDS), typed.text)
def test_a_parameter_is_what_was_typed_or_an_error(field, text):
    check(
        field,
        text,
        lambda: changeable_values(with_values(AllParams(), {field: Typed(text)}))[field],
        NodeError,
    )


# ---- files, the environment and launch arguments ----------------------------------------------------------------------


def params_of(tmp_path, params, arguments="{}", given_arguments=None, environment=None):
    """Return the params that a node of a graph file gets."""
    file = tmp_path / "typed.yaml"
    content = (
        f"arguments: {arguments}\nnodes:\n  typist:\n    class: support.typed:Typist\n    params: {params}\n"
    )
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    plan = load_launch(file, given_arguments, environment=environment or {})
    return AllParams.model_validate_json(json.dumps(plan.nodes[0].params))


@pytest.mark.parametrize(
    ("field", "scalar"),
    [
        *(("wide", scalar) for scalar in ("true", "1.0", '"5"', "on", "12:30", "1e3", "1_000")),
        *(("wide", scalar) for scalar in ("99999999999999999999", "2024-01-01", "null")),
        *(("flag", scalar) for scalar in ("1", "0", "on", "yes", '"true"')),
        *(("real", scalar) for scalar in ("true", '"1.5"', ".nan", ".inf", "1e999", "1e-999")),
        *(("name", scalar) for scalar in ("5", "true", "1.5", "null")),
        ("names", "a"),
    ],
)
def test_a_value_of_another_type_in_a_file_is_refused(field, scalar, tmp_path):
    with pytest.raises(GraphError, match=rf"typed.yaml:5: nodes.typist.params.{field}: "):
        params_of(tmp_path, f"{{{field}: {scalar}}}")


@pytest.mark.parametrize(
    ("field", "scalar", "value"),
    [
        ("wide", "010", 10),
        ("wide", "0x10", 16),
        ("name", "off", "off"),
        ("name", "12:30", "12:30"),
        ("name", "2024-01-01", "2024-01-01"),
        ("real", "1e-3", 0.001),
        ("real", "5", 5.0),
    ],
)
def test_a_file_is_read_as_yaml_1_2(field, scalar, value, tmp_path):
    assert same(getattr(params_of(tmp_path, f"{{{field}: {scalar}}}"), field), value)


@examples(25)
@given(st.sampled_from(FIELDS), typed.text)
def test_a_variable_of_the_environment_is_read_by_the_declared_type(tmp_path_factory, field, text):
    folder = tmp_path_factory.getbasetemp()
    check(
        field,
        text,
        lambda: getattr(params_of(folder, f'{{{field}: "${{env:X}}"}}', environment={"X": text}), field),
        GraphError,
    )


@examples(25)
@given(st.sampled_from(["int", "float", "bool", "str"]), typed.text)
def test_an_argument_is_read_by_its_declared_type(tmp_path_factory, kind, text):
    field = {"int": "wide", "float": "real", "bool": "flag", "str": "name"}[kind]
    declared = f"{{{field}: {{type: {kind}}}}}"
    nothing = text == "null" and kind != "str"  # null, which the param does not accept
    if nothing:
        return
    check(
        field,
        text,
        lambda: getattr(
            params_of(
                tmp_path_factory.getbasetemp(), f'{{{field}: "${{{field}}}"}}', declared, {field: text}
            ),
            field,
        ),
        GraphError,
    )


def test_a_recorder_is_set_as_its_parameters_are_declared():
    def recorder(**settings):
        texts = {key: Typed(text) for key, text in settings.items()}
        plan = load_launch("endless", world="virtual", ticks=3, record=texts)
        return plan.nodes[-1].params, any(node.journal for node in plan.nodes)

    params, journal = recorder(topics="observation,applied", split_mib="5", journal="false")
    assert (params["topics"], params["split_mib"], journal) == (["observation", "applied"], 5.0, False)
    for key, text in (("journal", "off"), ("split_mib", "5_0"), ("split_s", "nan"), ("split_s", "1:30")):
        with pytest.raises(GraphError, match=f"record.{key}: should be"):
            recorder(**{key: text})


# ---- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"bytes_": [1.9]}', "bytes_: an element of uint8 should be a whole number, not 1.9"),
        ('{"flags": ["false"]}', "flags: an element of bool should be true or false, not 'false'"),
        ('{"reals": [1e300]}', r"reals: 1e\+300 is out of range for float32"),
        ('{"whole": 1, "whole": 2}', "'whole' is given twice"),
        ('{"whole": true}', "whole: should be a whole number, not True"),
        ('{"mode": "fasst"}', "hint: did you mean 'fast'"),
        ('{"name": "\\ud800"}', "not an Everything: "),
        ('{"x\\ud800": 1}', "has no field"),
        ('{"real": 1e999}', "too large for a float"),
        ("[" * 50_000, "nested too deeply"),
        ('{"name": "\udcff"}', "not UTF-8"),
        ("", "not JSON"),
        ("5", "should be a JSON object with the fields of Everything, not '5'"),
    ],
)
def test_a_message_that_is_not_what_the_topic_takes_is_refused(text, says):
    with pytest.raises(GraphError, match=says):
        made(Everything, text)


def test_not_a_number_is_published_where_it_is_typed():
    message = made(Everything, '{"real": NaN, "reals": [-Infinity]}')
    assert math.isnan(message.real)
    assert message.reals.tolist() == [-math.inf]


SOUND = json.dumps({"whole": 3, "reals": [0.5], "flags": [True], "name": "é", "parts": {"a": [1]}})


@examples(200)
@given(
    st.text(alphabet='{}[]",:0123456789.eE-truefalsnNI\\ud8', max_size=6),
    st.integers(0, len(SOUND)),
    st.integers(0, 4),
)
def test_mutilated_json_gives_a_message_or_an_error(inserted, place, removed):
    text = SOUND[:place] + inserted + SOUND[place + removed :]
    try:
        message = made(Everything, text)
    except GraphError:
        return
    wanted = json.loads(text)
    for name, value in message.model_dump(mode="json", exclude={"header"}).items():
        if name in wanted and name != "parts":
            found = value["data"] if isinstance(value, dict) else value
            given_value = wanted[name]["data"] if isinstance(wanted[name], dict) else wanted[name]
            assert json.dumps(found) == json.dumps(given_value) or found == pytest.approx(
                given_value, rel=1e-6
            )


# ---- times, counts and names on the command line ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    out = tmp_path_factory.mktemp("typed") / "session"
    recorded("endless", out, {"workers": "1"}, ticks=30, record={"journal": False})
    return out


@pytest.mark.parametrize("action", [("export", "--to", "npz"), ("play",)])
@pytest.mark.parametrize("text", ["nan", "inf", "-5", "1e400", "0x1", "1_0", "", "12:30", "1e12"])
def test_a_time_is_a_time_of_the_recording(session, capsys, action, text):
    code, error = told(capsys, "bag", action[0], session / RECORDING, *action[1:], f"--start={text}")
    assert code == 2
    assert "--start" in error


def test_nothing_is_played_or_exported_from_beyond_the_end(session, capsys, tmp_path):
    code, error = told(capsys, "bag", "play", session, "--start", "100")
    assert (code, "--start 100" in error, "s long" in error) == (2, True, True)
    code, error = told(
        capsys, "bag", "export", session, "--to", "npz", "--start", "100", "--out", tmp_path / "x.npz"
    )
    assert (code, "s long" in error) == (2, True)
    end_s = (Bag.open(session).end_ns - Bag.open(session).start_ns) / 1e9
    code, error = told(capsys, "bag", "play", session, "--start", end_s, "--topics", "decision")
    assert (code, "holds no message of the chosen topics from" in error) == (1, True)


@pytest.mark.parametrize(
    "command",
    [
        ("launch", "endless", "--seed"),
        ("launch", "endless", "--ticks"),
        ("launch", "endless", "--duration"),
        ("launch", "endless", "--checkpoint-every"),
        ("launch", "endless", "--tcp-port"),
        ("evaluate", "endless", "--policy", "noop", "--episodes"),
        ("reproduce", "staggering", "--seeds"),
        ("reproduce", "staggering", "--workers"),
        ("bag", "ctl", "step", "--ticks"),
        ("bag", "ctl", "rate"),
        ("bag", "ctl", "seek"),
        ("topic", "hz", "observation", "--window"),
        ("topic", "echo", "observation", "--count"),
        ("topic", "pub", "observation", "{}", "--rate"),
        ("top", "--count"),
        ("demo", "--duration"),
    ],
)
@pytest.mark.parametrize("text", ["nan", "1_0", "0x10", "five", "", "9" * 60, "-1e400", "\u0665"])
def test_a_number_on_the_command_line_is_a_number(command, text, capsys):
    *start, last = command
    arguments = (*start, f"{last}={text}") if last.startswith("-") else (*command, text)
    code, error = told(capsys, *arguments)
    assert code == 2, error
    assert "error: " in error, error


@examples(12)
@given(typed.text)
def test_any_text_in_the_place_of_a_time_is_taken_or_refused(session, text):
    out = session.parent / "out.npz"
    try:
        code = main(
            ["bag", "export", str(session / RECORDING), "--to", "npz", f"--start={text}", "--out", str(out)]
        )
    except SystemExit as error:
        code = int(error.code or 0)
    start = oracle.nearest(text)
    length = (Bag.open(session).end_ns - Bag.open(session).start_ns) / 1e9
    sound = start is not None and 0 <= start <= length
    assert code == (0 if sound else 2)
    assert out.exists() == sound
    out.unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["exp.v1", "exp.v2", "exp"])
def test_what_is_made_of_a_folder_has_its_whole_name(session, tmp_path, monkeypatch, capsys, name):
    folder = shutil.copytree(session, tmp_path / name)
    assert told(capsys, "bag", "export", folder, "--to", "npz")[0] == 0
    assert (tmp_path / f"{name}.npz").exists()
    (tmp_path / f"{name}.npz").unlink()
    monkeypatch.chdir(folder)
    assert told(capsys, "bag", "export", ".", "--to", "npz")[0] == 0
    assert (tmp_path / f"{name}.npz").exists()
    assert told(capsys, "bag", "recover", ".")[0] == 0
    assert (tmp_path / f"{name}-recovered.mcap").exists()
    (folder / "inner").mkdir()
    monkeypatch.chdir(folder / "inner")
    assert told(capsys, "bag", "recover", "..")[0] == 1
    assert told(capsys, "bag", "recover", f"../{RECORDING}")[0] == 0
    assert (folder / "session-recovered.mcap").exists()
    assert told(capsys, "bag", "info", "..")[0] == 0


def test_a_seed_of_zero_is_a_seed(capsys, tmp_path):
    code, error = told(capsys, "launch", "--resume-world", tmp_path, "--seed", "0")
    assert (code, "--seed changes the plan" in error) == (2, True)
    code, error = told(capsys, "launch", "--resume-world", tmp_path)
    assert (code, "is not a session" in error) == (1, True)

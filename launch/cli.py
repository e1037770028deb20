"""The ``rtgraph`` command: finds the verb, and turns errors into exit codes.

Exit codes: 0 done; 1 a node or the launch failed; 2 the graph or the command line is wrong; 3 done, but messages or parts of a
recording were lost, for example messages to an input that must receive all of them (policy ``lossless``); 128 + n ended by signal
n (130 Ctrl-C, 143 SIGTERM, 129 SIGHUP; 141 the reader of the output closed it).
"""

from __future__ import annotations

# The rest is imported where it is used: imports here run before `main` can handle an interrupt.
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import NoReturn

VERBS = {
    "bag": "inspect, play, verify and export recordings",
    "check": "check a launch or graph file without starting it",
    "demo": "play Boxing sequentially, then staggered, and compare",
    "doctor": "show what this machine can do, and what is missing",
    "estop": "stop the robots of running launches at once",
    "evaluate": "evaluate a learned policy in greedy episodes",
    "graph": "draw the graph of a launch or graph file",
    "launch": "run a launch or graph file",
    "node": "list node classes or running nodes, or describe one",
    "param": "list, read and change parameters of running nodes",
    "plan": "print the plan of a launch or graph file",
    "play": "play a game in a window, and record it",
    "plot": "draw the results of several sessions in one picture",
    "reproduce": "reproduce the studies of the method",
    "robot": "find, read and calibrate an arm of Feetech servos",
    "rom": "import your own Game Boy ROMs and savestates",
    "schema": "print the JSON Schema of launch or graph files, for editors",
    "screen": "set up a camera that films a screen",
    "top": "watch the nodes of a running graph",
    "topic": "inspect the topics of a running graph, or publish",
}
"""The summary of each verb (subcommand), by the verb's name.

A verb has a module in ``rtgraph.launch.verbs``, which is imported only for that verb. The module's ``run`` gets the parsed
arguments. The module may also have a function ``begin``, for work that runs in parallel with the imports of the verb.
``begin`` is called first, with the arguments as text, and returns a context manager. ``run`` then also gets the value
that the context manager yields.
"""

SUBPACKAGES = {
    "files": ("check", "graph", "plan", "schema"),
    "running": ("estop", "node", "param", "top", "topic"),
}
"""The verbs (subcommands) in each subpackage of ``rtgraph.launch.verbs``. All other verbs are directly in that package."""

IMMEDIATE = frozenset({"estop"})
"""Verbs that must act at once: they load no node class and skip slow imports."""

GROUP = "rtgraph.verbs"
"""Entry point group of other packages. The name of an entry is the name of a verb (subcommand); the value is its module."""

EXAMPLE = """\
example:
  rtgraph launch boxing workers=6 --duration 10
"""
READER_LEFT = 141
"""Exit code if the reader of the output closed it: the code of a process that SIGPIPE ended."""
ENDING_S = 0.5
"""Maximum wait in seconds, at the end of a verb, for threads that nodes started and left running."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    from rtgraph.launch.console.interruption import Interrupted, Interruptible  # noqa: PLC0415 - see above

    try:
        with Interruptible():
            return _guarded(list(sys.argv[1:] if argv is None else argv))
    except Interrupted as signal:
        return signal.code
    except KeyboardInterrupt:
        return 130


def command() -> NoReturn:
    """Run the command line and end the process."""
    code = main()
    left = _threads_left()
    if left:
        import os  # noqa: PLC0415 - see above

        noun = "thread" if len(left) == 1 else "threads"
        print(f"a node left {len(left)} {noun} behind: {', '.join(left)}", file=sys.stderr)
        sys.stderr.flush()
        # Python would wait for them.
        os._exit(code)
    sys.exit(code)


def _threads_left() -> list[str]:
    """Wait up to ``ENDING_S`` for threads to end. Return the names of the threads that still run and would keep Python from exiting."""
    import threading  # noqa: PLC0415 - see above
    import time  # noqa: PLC0415

    waited_for = [
        thread
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.current_thread()
    ]
    until = time.monotonic() + ENDING_S
    for thread in waited_for:
        thread.join(max(0.0, until - time.monotonic()))
    return [thread.name for thread in waited_for if thread.is_alive()]


def _guarded(arguments: list[str]) -> int:
    """Run the command line, and return the exit code. Errors of rtgraph become messages and exit codes."""
    from rtgraph.launch.console import streams  # noqa: PLC0415 - see above

    streams.prepare()
    try:
        try:
            code = _run(arguments)
        except SystemExit:  # --help, or a usage error
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except Exception as error:
        return _told(error)
    return code


def _run(arguments: list[str]) -> int:
    import importlib  # noqa: PLC0415 - see above

    from rtgraph.launch.console.parsing import Parser  # noqa: PLC0415

    verb = arguments[0] if arguments else ""
    if verb not in VERBS:
        from rtgraph.nodes.extensions import extensions  # noqa: PLC0415

        extension_verbs = extensions(GROUP, VERBS)
        if verb not in extension_verbs:
            return _without_verb(
                arguments, {name: f"from {one.origin}" for name, one in extension_verbs.items()}
            )
        from rtgraph.launch.extension_verb import run_extension_verb  # noqa: PLC0415

        return run_extension_verb(extension_verbs[verb], arguments[1:])
    subpackage = next((f"{subpackage}." for subpackage, verbs in SUBPACKAGES.items() if verb in verbs), "")
    module = importlib.import_module(f"rtgraph.launch.verbs.{subpackage}{verb}")
    parser = Parser(prog=f"rtgraph {verb}", description=VERBS[verb])
    module.configure(parser)
    if verb in IMMEDIATE:
        return int(module.run(parser.parse_args(arguments[1:])))
    if hasattr(module, "begin"):
        with module.begin(arguments[1:]) as begun:
            return _done(module, parser.parse_args(arguments[1:]), begun)
    return _done(module, parser.parse_args(arguments[1:]))


def _done(module: ModuleType, *given: object) -> int:
    """Call ``run`` of a verb's module, and return the exit code."""
    from pathlib import Path  # noqa: PLC0415 - so that --help is instant

    from rtgraph.nodes.runtime.classes.imports import look_in  # noqa: PLC0415

    look_in(Path())
    code: int = module.run(*given)
    return code


def _told(error: Exception) -> int:
    if isinstance(error, OSError) and not _stdout_works():
        if isinstance(error, BrokenPipeError):  # the reader closed the output
            return READER_LEFT
        print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    from rtgraph.msgs.errors import GraphError, RtgraphError  # noqa: PLC0415 - importing msgs takes a while

    if isinstance(error, ModuleNotFoundError):
        from rtgraph.msgs.typed.extras import missing_package  # noqa: PLC0415

        error = missing_package(error) or error
    if not isinstance(error, RtgraphError):
        raise error
    print(f"error: {error}", file=sys.stderr)
    return 2 if isinstance(error, GraphError) else 1


def _stdout_works() -> bool:
    """Return whether stdout can be written. If it cannot, redirect it to ``/dev/null``.

    Otherwise Python would report the error again at exit.
    """
    from rtgraph.launch.console.streams import discard  # noqa: PLC0415

    try:
        print(flush=True)  # a failed flush may drop data silently: only another write shows the error
    except OSError:
        discard(sys.stdout.fileno())
        return False
    return True


def _without_verb(arguments: Sequence[str], extension_verbs: dict[str, str]) -> int:
    """Handle a command line without a known verb: print the help, the version, or an error. Return the exit code.

    ``extension_verbs`` has the verbs of other packages.
    """
    from rtgraph.launch.console.parsing import Parser  # noqa: PLC0415 - see above

    parser = Parser(
        prog="rtgraph",
        description="Run graphs of nodes that learn and act in real time.",
        epilog=EXAMPLE + "\n`rtgraph VERB --help` describes a verb.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    known = VERBS | extension_verbs
    for name, description in known.items():
        verbs.add_parser(name, help=description)
    if arguments and not arguments[0].startswith("-"):
        import difflib  # noqa: PLC0415 - only for this message

        close = difflib.get_close_matches(arguments[0], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"verbs are {', '.join(known)}"
        print(f"error: unknown verb {arguments[0]!r}. hint: {hint}", file=sys.stderr)
        return 2
    if parser.parse_args(arguments).version:
        import importlib.metadata  # noqa: PLC0415 - slow, and rarely asked for

        print(f"rtgraph {importlib.metadata.version('rtgraph')}")
        return 0
    parser.print_help()
    return 0 if arguments else 2

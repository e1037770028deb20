"""Speed of virtual time: events compared with a bare heap, Boxing and Blocks with their emulators alone; and where the rest goes."""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from rtgraph.graphs import Plan, load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.nodes.emulator.atari_environment import AtariEnvironment, AtariSettings
from rtgraph.nodes.emulator.gameboy import BUTTONS, Console, find_game
from rtgraph.nodes.emulator.gameboy_environment import GameBoyEnvironment, GameBoySettings
from rtgraph.nodes.plant.preprocess import AreaResize
from rtgraph.nodes.runtime import NodePlan, VirtualWorld
from tests.bench.rounds import in_turn, processor_seconds
from tests.bench.rows import Aim, Row, Say

RATE_HZ = 60.0
ENDLESS = {1: 5.3, 6: 5.3, 70: 69.3}
"""Inference time in frames, by number of workers."""
ENDLESS_TICKS = 4_000
GAME_TICKS = 4_500
RUNS_A_ROUND = 2
HEAP = "a bare heap, as many events"
EMULATOR = "the emulator alone, as many frames"
CORE = "the core alone, as many frames, made small"


def run(rounds: int, say: Say) -> list[Row]:
    """Measure the endless plant at three sizes, then Boxing and Blocks, and where Blocks' time goes."""
    rows = []
    for workers, frames in ENDLESS.items():
        case = f"endless, {workers} worker{'s' if workers > 1 else ''}"
        say(case)
        arguments = {"workers": str(workers), "latency_frames": str(frames)}
        plan = load_launch("endless", arguments, world="virtual", ticks=ENDLESS_TICKS, folders=FOLDERS)
        events = _world(plan)
        ours, peer = _timed(rounds, plan, partial(_bare_heap, events, len(plan.nodes)))
        rows.append(_rates(f"{case}: events", "events/s", events, ours, HEAP, peer))
        rows.append(_rate(f"{case}: ticks", "x real time", ENDLESS_TICKS / RATE_HZ, ours))
    case = "boxing, 1 random worker"
    say(case)
    plan = _at_random("boxing")
    events = _world(plan)
    ours, peer = _timed(rounds, plan, _BoxingAlone())
    rows.append(_rate(f"{case}: events", "events/s", events, ours))
    rows.append(_rates(f"{case}: ticks", "x real time", GAME_TICKS / RATE_HZ, ours, EMULATOR, peer))
    return [*rows, *_blocks(rounds, say)]


def _blocks(rounds: int, say: Say) -> list[Row]:
    """Measure Blocks, and with ever less of it down to its bare core, in every round; show where a tick's time goes."""
    recorded, unrecorded = _at_random("blocks"), _at_random("blocks", record=False)
    events = _world(recorded)
    cases: dict[str, tuple[str, Callable[[], object]]] = {
        "blocks, 1 random worker": ("recording and journal", partial(_world, recorded)),
        "blocks, 1 random worker, not recorded": ("coordinator and monitor", partial(_world, unrecorded)),
        "blocks, the plant and 1 random worker alone": (
            "the plant's tick, messages, events, worker",
            partial(_world, _without_others(unrecorded)),
        ),
        "blocks, its environment alone": ("variables, rewards, ends", _EnvironmentAlone()),
        CORE: ("core, picture made small", _CoreAlone()),
    }
    took_s: dict[str, list[float]] = {case: [] for case in cases}
    for number in range(rounds):
        say(f"blocks, round {number + 1}")
        # Other work on the machine only adds time: the fastest run counts.
        runs = [
            {case: processor_seconds(run_case) for case, (_, run_case) in cases.items()}
            for _ in range(RUNS_A_ROUND)
        ]
        for case, times in took_s.items():
            times.append(min(run[case] for run in runs))
    *ours, core = took_s
    rows = [_rate("blocks, 1 random worker: events", "events/s", events, took_s["blocks, 1 random worker"])]
    for case in ours:
        aim = Aim(">= 0.6") if case == "blocks, 1 random worker, not recorded" else None
        row = _rates(f"{case}: ticks", "x real time", GAME_TICKS / RATE_HZ, took_s[case], CORE, took_s[core])
        each = ", ".join(f"{peer / mine:.3f}" for mine, peer in zip(took_s[case], took_s[core], strict=True))
        rows.append(replace(row, aim=aim, note=f"ratio in each round: {each}"))
    tick_us = {case: statistics.median(times) / GAME_TICKS * 1e6 for case, times in took_s.items()}
    for case, less in zip(cases, [*[*cases][1:], ""], strict=True):
        part = tick_us[case] - tick_us.get(less, 0.0)
        rows.append(Row(f"blocks, of a recorded tick: {cases[case][0]}", "µs", part))
    return rows


def _timed(rounds: int, plan: Plan, peer: Callable[[], object]) -> tuple[list[float], list[float]]:
    return in_turn(
        rounds, lambda _: processor_seconds(partial(_world, plan)), lambda _: processor_seconds(peer)
    )


def _rates(case: str, unit: str, amount: float, ours: list[float], name: str, peer: list[float]) -> Row:
    mine, theirs = ([amount / took_s for took_s in side] for side in (ours, peer))
    return Row.compared(case, unit, mine, name, theirs, more_is_better=True)


def _rate(case: str, unit: str, amount: float, took_s: list[float]) -> Row:
    return Row(case, unit, amount / statistics.median(took_s), more_is_better=True)


def _world(plan: Plan) -> int:
    """Run a plan in virtual time, including the creation of its world, and return the number of events."""
    world = VirtualWorld(plan.nodes, seed=plan.seed, launch_context=launch_context(plan, None))
    world.run()
    return world.events


def _at_random(launch: str, *, record: bool | None = None) -> Plan:
    """Return a game with one worker that acts at random; by default it is recorded, as every virtual launch is."""
    plan = load_launch(
        launch, {"workers": "1"}, world="virtual", ticks=GAME_TICKS, folders=FOLDERS, record=record
    )
    nodes = tuple(
        node.model_copy(update={"params": node.params | {"policy": {"kind": "random"}}})
        if "policy" in node.params
        else node
        for node in plan.nodes
    )
    return plan.model_copy(update={"nodes": nodes, "weights": {}})


def _without_others(plan: Plan) -> Plan:
    """Return a plan of a plant and its workers: each acts on the newest observation, without coordinator and monitor."""
    kept = {node.name for node in plan.nodes if node.name == "plant" or "policy" in node.params}

    def alone(node: NodePlan) -> NodePlan:
        inputs = {name: each for name, each in node.inputs.items() if kept.issuperset(each.publishers)}
        params = node.params | ({"stagger": "none"} if "stagger" in node.params else {})
        return node.model_copy(update={"inputs": inputs, "params": params})

    return plan.model_copy(update={"nodes": tuple(alone(node) for node in plan.nodes if node.name in kept)})


def _bare_heap(events: int, waiting: int) -> None:
    """Process a number of events, each of which schedules another: the minimum work of any scheduler in Python."""
    heap = [(node, 0, node, node, _nothing, ()) for node in range(waiting)]
    heapq.heapify(heap)
    for number in range(events):
        due, urgency, node, _, call, arguments = heapq.heappop(heap)
        call(*arguments)
        heapq.heappush(heap, (due + 16_666_667, urgency, node, waiting + number, call, arguments))


def _nothing() -> None:
    pass


class _BoxingAlone:
    """The game played at random, without a graph."""

    def __init__(self) -> None:
        self._environment = AtariEnvironment(AtariSettings(game="boxing"))

    def __call__(self) -> None:
        rng = np.random.default_rng(0)
        actions = rng.integers(self._environment.spec.action.count, size=GAME_TICKS).tolist()
        over = True
        for action in actions:
            if over:
                self._environment.reset(rng)
            step = self._environment.step(action)
            over = step.terminated or step.truncated


class _EnvironmentAlone:
    """Blocks played at random without a graph: with its variables, rewards and ends."""

    def __init__(self) -> None:
        self._environment = GameBoyEnvironment(GameBoySettings(game="blocks"))

    def __call__(self) -> None:
        rng = np.random.default_rng(0)
        self._environment.reset(rng)
        for action in rng.integers(self._environment.spec.action.count, size=GAME_TICKS).tolist():
            if self._environment.step(action).terminated:
                self._environment.reset(rng)


class _CoreAlone:
    """Blocks played at random on the bare core, with pictures made small: no variables, rewards or ends."""

    def __init__(self) -> None:
        self._console = Console(find_game("blocks").rom)
        self._resize = AreaResize(144, 160)

    def __call__(self) -> None:
        game = find_game("blocks")
        buttons = np.random.default_rng(0).integers(2, len(BUTTONS), size=GAME_TICKS).tolist()
        game.begin(self._console, game.load_state("level0"), seed=1)
        for button in buttons:
            self._console.step(BUTTONS[button])
            self._resize(self._console.screen()[:, :, 1])

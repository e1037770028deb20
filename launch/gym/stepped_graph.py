"""Runs the plant of a launch file with an external agent, in virtual time or in real time.

In virtual time the workers run too, and the agent replaces their policy. In real time the agent replaces the workers.

The plant is the node with the environment; workers are the nodes that infer actions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, cast

from rtgraph.graphs import Plan, load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.gym.external_worker import ExternalWorker, PlantWatch, Question
from rtgraph.launch.gym.real_time import AGENT, RealTimeWorld, agent_node
from rtgraph.launch.replanning import without
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import GraphError, WorldError
from rtgraph.nodes.inference.worker import Worker
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.runtime import InputPlan, NodePlan, VirtualWorld, load_class, validated_params

WATCH = "_watch"


class SteppedGraph:
    """A reduced launch file: only the plant, its workers, and the nodes that say when a worker begins an inference.

    Args:
        launch: name or path of a launch file.
        arguments: the values of the file's arguments, as text, by name.
        plant: the name of the plant; None if the file has only one.
        pictures: make the plant render pictures, which some plants do only on demand.
        real_time: use real time, with one agent instead of the workers.

    Raises:
        GraphError: the file or an argument is wrong, no worker acts on the plant, or the plant drives a device.
    """

    def __init__(
        self,
        launch: str,
        arguments: Mapping[str, str],
        plant: str | None = None,
        *,
        pictures: bool = False,
        real_time: bool = False,
    ) -> None:
        plan = load_launch(
            launch,
            arguments,
            world="realtime" if real_time else "virtual",
            record=False,
            folders=FOLDERS,
            effective=True,
        )
        chosen = _plant_of(plan, launch, plant)
        self.plant = chosen.name
        self._real_time = real_time
        deciding = () if real_time else _workers_of(plan, chosen)
        nodes = _acted_on_by_agent(launch, chosen) if real_time else _asking(launch, plan, chosen, deciding)
        self.workers = max(1, len(deciding))
        if pictures:
            nodes = [_rendering(node) if node.name == chosen.name else node for node in nodes]
        # The watch comes first: it has seen a tick when a worker asks about it.
        nodes = [_watch(chosen), *nodes]
        nodes = [node.model_copy(update={"index": index}) for index, node in enumerate(nodes)]
        self._plan = plan.model_copy(
            update={"nodes": tuple(nodes), "weights": {}, "ticks": None, "duration_s": None}
        )
        self._deciding = deciding
        plant_class, params = cast(type[Plant[Any]], load_class(chosen.node)), chosen.params
        self.spec: PlantSpec = plant_class.spec(validated_params(plant_class, params))
        self.clamps = bool(params.get("out_of_range") == "clamp")

    def check_pictures(self) -> None:
        """Check that the plant draws pictures. The nodes of the graph are started for this check only.

        Raises:
            GraphError: the plant draws no pictures.
        """
        world = self.world(0)
        try:
            world.next_episode()
            if world.plant.picture() is None:
                raise GraphError(
                    f"{self._plan.name}: {self.plant!r} draws no pictures", hint="leave render_mode out"
                )
        finally:
            world.end()

    def world(self, seed: int) -> SteppedWorld | RealTimeWorld:
        """Create the nodes, with this seed, and return them as a world that has not run yet."""
        if self._real_time:
            return RealTimeWorld(self._plan, self.plant, WATCH, self.spec.rate_hz, seed)
        return SteppedWorld(self._plan, self.plant, self._deciding, seed)


class SteppedWorld:
    """Nodes in virtual time, which pause each time one of the workers asks for an action."""

    def __init__(self, plan: Plan, plant: str, workers: tuple[str, ...], seed: int) -> None:
        self._world = VirtualWorld(
            plan.nodes,
            seed=seed,
            launch_context=launch_context(plan, None),
            faults=plan.faults,
            delays=plan.delays,
        )
        self._disturbed = bool(plan.faults or plan.delays)
        self._plant = plant
        self._workers = workers
        self._questions: deque[Question] = deque()
        self._restarts = 0
        self._left = -1
        """The number of the last episode that ``next_episode`` has ended; -1 if it has ended no episode."""
        self._ended = False
        self._world.advance(lambda: True)
        self.watch: PlantWatch = self._world.node(WATCH)
        """Receives the plant's observations, rewards and applied actions."""
        self._has_news = self._collect()

    def timing(self) -> dict[str, Any]:
        """Return no entries for ``info``: in virtual time no tick is late."""
        return {}

    @property
    def plant(self) -> Plant[Any]:
        """The plant, i.e. the node with the environment."""
        plant: Plant[Any] = self._world.node(self._plant)
        return plant

    def next_episode(self) -> Question:
        """Abort the running episode, if there is one, and run until a worker asks for the first action of the next episode.

        Raises:
            RtgraphError: a node failed, or all nodes have stopped.
        """
        if self.watch.newest is not None:
            self._left = self.watch.newest.episode
            if not self.watch.over:
                self.plant.begin_anew()
        while (question := self._asked() if self._questions else None) is None:
            self._advance()
        return question

    def next_question(self) -> Question | None:
        """Run until a worker asks for an action. Return its question, or None if the episode ends first.

        Raises:
            RtgraphError: a node failed, or all nodes have stopped.
        """
        while (question := self._asked() if self._questions else None) is None and not self.watch.over:
            self._advance()
        return question

    def end(self) -> None:
        """Stop the nodes. A second call does nothing."""
        if not self._ended:
            self._ended = True
            self._world.end()

    def _asked(self) -> Question | None:
        """Return the next question (request for an action) about the running episode; None if no worker asks.

        Questions about earlier episodes are dropped, because their actions would never be applied.
        """
        newest = self.watch.newest
        while self._questions:
            question = self._questions.popleft()
            episode = question.observation.episode
            if newest is not None and episode == newest.episode > self._left and not self.watch.over:
                return question
        return None

    def _advance(self) -> None:
        """Run until a worker has a question, an episode ends, or a node is restarted.

        With faults or delays, any observation or applied action of the plant ends the call, too.
        """
        world = self._world
        world.advance(self._has_news)
        if world.reason or not self._has_news():
            raise WorldError(f"the world has ended: {world.reason or 'no node has anything left to do'}")
        self.watch.read()
        if world.restarts and sum(world.restarts.values()) != self._restarts:
            self._has_news = self._collect()

    def _collect(self) -> Callable[[], object]:
        """Give all workers the same queue for their questions. Return a function that is true when ``_advance`` must stop.

        A restart makes new worker objects, so this method must be called again after a restart.
        """
        restarts = self._world.restarts
        self._restarts = known = sum(restarts.values())
        for name in self._workers:
            worker: ExternalWorker = self._world.node(name)
            worker.questions = self._questions
        watch = self.watch
        # Messages that the plan delays or loses do not arrive together: the end of an episode may arrive too late.
        ends = (watch.observation.inbox, watch.applied.inbox) if self._disturbed else (watch.episode.inbox,)
        news = self._questions, *ends
        if not restarts:
            # Called before each event: without a step in Python.
            return partial(any, (*news, restarts))
        return lambda: any(news) or sum(restarts.values()) != known


def _asking(launch: str, plan: Plan, plant: NodePlan, workers: Collection[str]) -> list[NodePlan]:
    """Return the nodes of a plan that a stepped graph needs, with each worker replaced by an external worker.

    These nodes are the plant, the external workers, and the nodes that say when a worker begins an inference.

    Raises:
        GraphError: there are no workers.
    """
    if not workers:
        raise GraphError(
            f"{launch}: no worker acts on {plant.name!r}", hint="choose a launch file with staggered workers"
        )
    kept = {plant.name, *workers, *_helpers_of(plan, workers)}
    return [
        _asked(node) if node.name in workers else node
        for node in without(plan.nodes, {node.name for node in plan.nodes} - kept)
    ]


def _acted_on_by_agent(launch: str, plant: NodePlan) -> list[NodePlan]:
    """Return two nodes: the plant, and an agent that alone publishes the decisions for the plant.

    Raises:
        GraphError: the plant drives a device.
    """
    if load_class(plant.node).hardware:
        raise GraphError(
            f"{launch}: {plant.name!r} drives a device, and rtgraph/Realtime-v0 runs only plants that drive none",
            hint="attach a policy to the running graph, or choose a simulated plant",
        )
    topic = f"{AGENT}/decision"
    decided = InputPlan(topic=topic, publishers=(AGENT,))
    return [plant.model_copy(update={"inputs": {"decision": decided}, "python": None}), agent_node(topic)]


def _plant_of(plan: Plan, launch: str, name: str | None) -> NodePlan:
    plants = {node.name: node for node in plan.nodes if issubclass(load_class(node.node), Plant)}
    if name is None and len(plants) == 1:
        return next(iter(plants.values()))
    if name is None or name not in plants:
        problem = (
            f"has no plant {name!r}" if name else f"has {len(plants)} plants, and an environment needs one"
        )
        raise GraphError(
            f"{launch} {problem}", hint=f"give plant={' or plant='.join(plants)}" if plants else None
        )
    return plants[name]


def _workers_of(plan: Plan, plant: NodePlan) -> tuple[str, ...]:
    decision = plant.inputs.get("decision")
    publishers = () if decision is None else decision.publishers
    return tuple(
        node.name
        for node in plan.nodes
        if node.name in publishers and issubclass(load_class(node.node), Worker)
    )


def _helpers_of(plan: Plan, workers: Collection[str]) -> set[str]:
    """Return the names of the nodes that say when a worker begins an inference, such as the coordinator."""
    return {
        publisher
        for node in plan.nodes
        if node.name in workers
        for port in ("claim", "stagger", "beat")
        if port in node.inputs
        for publisher in node.inputs[port].publishers
    }


def _asked(node: NodePlan) -> NodePlan:
    """Return a worker with the class ``ExternalWorker``. Params and inputs that this class does not have are removed."""
    fields, ports = ExternalWorker.params_type.model_fields, ExternalWorker.input_ports
    params = {name: value for name, value in node.params.items() if name in fields}
    return node.model_copy(
        update={
            "node": f"{ExternalWorker.__module__}:{ExternalWorker.__name__}",
            "params": params | {"policy": {"kind": "random"}},
            "inputs": {name: source for name, source in node.inputs.items() if name in ports},
        }
    )


def _rendering(node: NodePlan) -> NodePlan:
    fields = load_class(node.node).params_type.model_fields
    return node.model_copy(update={"params": node.params | {"render": True}}) if "render" in fields else node


def _watch(plant: NodePlan) -> NodePlan:
    return NodePlan(
        name=WATCH,
        index=0,
        node=f"{PlantWatch.__module__}:{PlantWatch.__name__}",
        inputs={
            port: InputPlan(topic=plant.outputs[port], publishers=(plant.name,))
            for port in ("observation", "applied", "episode")
        },
    )

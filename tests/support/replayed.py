"""A plant, a replay memory and learners that ask it for batches, in virtual time."""

from __future__ import annotations

from support.collecting import listening
from support.staggered import of_environment, plan, staggered_plans

from rtgraph.msgs import Applied, Observation, ReplayState, SampledBatch, decode
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld

GAMMA = 0.9


def world_of(
    ticks, askers=("learner",), *, asker=None, directory=None, seed=0, world=None, environment=None, **params
):
    """Return a plant (endless by default) with two workers, a replay memory, and learners that ask for batches."""
    plans = staggered_plans("paced", [{"kind": "constant", "frames": 2.3}] * 2)
    if environment is not None:
        plans = of_environment(plans, *environment)
    spec = plans[1].params["plant"]
    params = {"plant": spec, "gamma": GAMMA, "capacity_mib": 0.5, "minimum": 20, "spare_frames": 4} | params
    names = list(askers)
    feeds = {"observation": ["plant"], "applied": ["plant"], "request": names, "priorities": names}
    made = plan(len(plans), "replay", "rtgraph.nodes.replay:Replay", params, "batch", feeds)
    plans.append(made.model_copy(update={"outputs": {"batch": "batch", "state": "replay_state"}}))
    for name in names:
        plans.append(
            plan(
                len(plans),
                name,
                "support.asking:Asker",
                {"update_ns": 12_000_000} | (asker or {}),
                "request priorities",
                {"batch": ["replay"]},
            )
        )
    return VirtualWorld(
        listening(plans, journal=False),
        seed=seed,
        launch_context=LaunchContext(limits=RunLimits(ticks=ticks), directory=directory),
        **(world or {}),
    )


def ran(*args, **options):
    world = world_of(*args, **options)
    world.run()
    return world


def heard(world, *kinds):
    """Return all messages of some classes, in the order in which they were published."""
    names = {kind.schema_name: kind for kind in kinds}
    ports = {
        "observation": Observation,
        "applied": Applied,
        "batch": SampledBatch,
        "replay_state": ReplayState,
    }
    for taken in world.node("collector").taken:
        kind = ports.get(taken.topic)
        if kind is not None and kind.schema_name in names:
            yield decode(kind, taken.data)

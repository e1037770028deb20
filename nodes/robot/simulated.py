"""The plant of a simulated robot, in real time or in virtual time. Parameters, limits, states and tasks are those of a real robot."""

from __future__ import annotations

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot.connection.direct import Direct, RandomDriver, SimulatedDriver
from rtgraph.nodes.robot.driver import (
    check_cameras,
    check_driver,
    check_joints,
    driver_class,
    feature_problem,
    make_driver,
)
from rtgraph.nodes.robot.params import RobotParams, commanded_by, features_of
from rtgraph.nodes.robot.plant import RobotPlant


class SimulatedRobot(RobotPlant[RobotParams]):
    """Drives a simulated robot. Each tick steps the simulation by one period."""

    @classmethod
    def check(cls, params: RobotParams) -> None:
        """Check the joints' limits, the task, the default behaviour and the driver's class. No driver is made."""
        super().check(params)
        check_driver(params.driver, params.driver_params)
        if not callable(getattr(driver_class(params.driver), "step", None)):
            raise NodeError(
                f"driver {params.driver!r} is not simulated: it has no method step",
                hint="use rtgraph.nodes.robot:Robot for a real robot",
            )
        check_joints(params.driver, params.driver_params, params.joints)
        check_cameras(params.driver, params.driver_params, params.cameras)

    def connection(self, period_ns: int, stop: dict[str, float] | None) -> Direct:
        """Make the driver and the connection to it.

        Raises:
            NodeError: the driver is not simulated, or its robot differs from the robot that the graph describes.
        """
        params = self.params
        driver = make_driver(params.driver, params.driver_params)
        if problem := feature_problem(driver, features_of(params), commanded_by(params)):
            raise NodeError(f"node {self.name}: {problem}")
        if not isinstance(driver, SimulatedDriver):
            raise NodeError(
                f"driver {params.driver!r} is not simulated: it lacks an attribute of SimulatedDriver",
                hint="a simulated driver has all attributes of Driver, and step(period_s)",
            )
        if isinstance(driver, RandomDriver):
            driver.use_generator(self.rng)
        return Direct(driver, period_ns=period_ns, stop=stop)

from lerobot.robots.config import RobotConfig

__all__ = ["RobotConfig"]

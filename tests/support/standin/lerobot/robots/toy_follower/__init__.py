from lerobot.robots.toy_follower.toy_follower import ToyFollower, ToyFollowerConfig

__all__ = ["ToyFollower", "ToyFollowerConfig"]

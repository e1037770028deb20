def make_robot_from_config(config):
    from lerobot.robots.toy_follower import ToyFollower

    return ToyFollower(config)

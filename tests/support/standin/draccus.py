"""Stands in for the library that LeRobot reads its configurations with."""


def decode(base, given):
    given = dict(given)
    return base.get_known_choices()[given.pop("type")](**given)

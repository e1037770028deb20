from dataclasses import dataclass
from typing import ClassVar


@dataclass(kw_only=True)
class RobotConfig:
    choices: ClassVar[dict[str, type]] = {}

    id: str | None = None
    calibration_dir: str | None = None

    @classmethod
    def register_subclass(cls, name):
        return lambda subclass: cls.choices.setdefault(name, subclass)

    @classmethod
    def get_known_choices(cls):
        return cls.choices

"""placeholder"""

from __future__ import annotations


class WeightsReader:
    """placeholder"""

"""Stands in for LeRobot: its interface for robots, and one robot, which a test can break."""

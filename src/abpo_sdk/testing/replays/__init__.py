"""Replays of what a process did: at other times, with other chance and another environment, and in other Python processes."""

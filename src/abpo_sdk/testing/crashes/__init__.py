"""Crashes on purpose: the points at which a run may die, a store that dies at them, and whether a process survives all."""

"""A state machine of Hypothesis that drives a process at random, crashes and restarts included; what must hold of its runs."""

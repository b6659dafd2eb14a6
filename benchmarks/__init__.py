"""Measurements beside what they are measured against, in one run."""

"""Strategies of Hypothesis for the cases of a model; only `cases` may be imported where Hypothesis is not installed."""

"""Conditions on frames: what each says of every row."""

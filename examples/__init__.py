"""Processes that run as they stand, from the file to the booking."""

"""Engines that run the same process: ours, its peers as their own documentation sets them up, and raw sqlite3."""

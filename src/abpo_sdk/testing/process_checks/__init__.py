"""What in the code of a process a replay would not repeat, found without running it."""

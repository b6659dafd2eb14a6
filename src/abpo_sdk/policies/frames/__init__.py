"""Tables decide frames: all rows at once."""

"""Static checks of a table: what is wrong with its rows, before the first case."""

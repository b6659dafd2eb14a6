"""Tables as grids of cells: written row by row, read from frames and CSV files, and written as such."""

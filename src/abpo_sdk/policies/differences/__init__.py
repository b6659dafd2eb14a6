"""What is different between two tables, in words and in what they decide."""

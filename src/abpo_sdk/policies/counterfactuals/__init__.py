"""What would have led to another outcome."""

"""The keys of the subjects whose personal fields are encrypted: where they lie, and what wraps them."""

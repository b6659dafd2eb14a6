"""People for tests: somebody for every role, and what they are scripted to answer."""

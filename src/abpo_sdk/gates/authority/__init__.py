"""Authority: what an approval may amount to, alone and in sum, by the role that gives it."""

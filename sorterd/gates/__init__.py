"""One file for each kind of gate, and the mover that keeps their times."""

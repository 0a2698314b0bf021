"""A belt that does not exist: its pieces, its camera, its servos, and what truly happened."""

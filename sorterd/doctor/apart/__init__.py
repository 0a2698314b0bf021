"""What is tried in a process of its own, since it may hang or die: each tells a line of JSON."""

"""The doctor: what a station needs of a machine, found, missing or broken, and what mends it."""

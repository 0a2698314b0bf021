"""Pictures in, boxes and model inputs out: pure functions and small state on arrays."""

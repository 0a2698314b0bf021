"""What turns crops into scores, and the bundle it comes from."""

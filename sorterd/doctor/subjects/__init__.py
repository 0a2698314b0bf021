"""What is looked at: one file a subject, its lines at the end of it."""

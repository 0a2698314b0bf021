"""One file for each kind of camera; the file name is the `kind` in the settings."""

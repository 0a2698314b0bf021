"""The operator's side: a page and metrics, in a process of its own that opens no device."""

"""What makes the station a good service of systemd's: what it tells, and where its log goes."""

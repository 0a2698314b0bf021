"""What happens to a piece, decided without devices, threads, clocks or pixels."""

"""sorterd: real-time waste sorting for the Raspberry Pi."""

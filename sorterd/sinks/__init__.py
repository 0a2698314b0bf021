"""Where records go once they have left the road."""

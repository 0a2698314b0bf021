"""Setting a station up by what its own camera sees: belt, place of a gate, ends of a servo."""

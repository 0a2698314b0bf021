"""Setting a station up by what its own camera sees: the belt, the place of a gate, a servo's ends."""

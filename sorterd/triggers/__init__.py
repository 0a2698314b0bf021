"""One file for each kind of trigger: what tells the instant at which a piece passes a place."""

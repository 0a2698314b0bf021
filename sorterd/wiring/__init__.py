"""Settings into parts: where what a person writes becomes what the road is made of."""

"""Facts of the machine: heat, power, memory, storage, pins and buses, as the system tells them."""

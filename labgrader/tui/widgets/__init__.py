"""The parts of the lab screen. Each shows values that it is given; none asks anybody."""

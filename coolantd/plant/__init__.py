"""Physics of coolant, exchanger, hydraulics and cold plates, in SI. No I/O, no clock, no randomness."""

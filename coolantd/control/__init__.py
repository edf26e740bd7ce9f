"""The control law: pure functions from a snapshot to a decision. No I/O, no clock, no randomness, no logging."""

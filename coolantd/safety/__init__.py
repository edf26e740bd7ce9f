"""Modes and the envelope: what may be done and what may be written. Pure; the envelope knows nothing of control."""

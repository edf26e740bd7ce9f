"""Bytes and registers to values and back, without a socket: codec, spans, reply checks, messages. Pure."""

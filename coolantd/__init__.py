"""coolantd: one daemon that controls the coolant of AI racks."""

__version__ = "0.1.0"

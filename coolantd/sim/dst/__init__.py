"""The whole daemon on virtual time: every wire, the broker, the disk and the clock are simulated, from one seed.

Where to look. ``loop`` is time, ``network`` and ``broker`` the wires, ``cdu`` and ``rack`` what hangs on them, ``site``
the daemon among all that. ``faults`` says what may happen, ``injection`` makes it so, ``drawing`` chooses from a seed.
``witness`` sees what reaches the wires and what is true in the plant, ``invariants`` judge it. ``universe`` is one run,
``shrink`` finds the least that fails, ``__main__`` runs many.
"""

"""Thousands of hours of faults against control, interlocks and envelope, compiled: a seed is an hour of one CDU.

``site`` is the configuration under test, ``story`` what a seed makes happen to it, ``play`` runs it, ``judge`` says
which invariants held. The service layer is not in it: virtual wires, reloads, alarms and disks are ``sim.dst``'s.
"""

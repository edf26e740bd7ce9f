"""The control law: pure functions from a snapshot to a decision. No I/O, no clock, no randomness, no logging.

Where to look. ``step`` is the door, ``sequence`` the stages in their order; ``plan`` and the ``…_plan`` files are what
each stage is told, ``layout`` and the ``…_layout`` files the columns of its arrays, ``arrays`` the bundles they are in:

1. sensors: which readings are believed. ``sensors``, ``voting``, ``stuck_sensor``, ``dew_floor``.
2. estimator: readings held against each other; moves nothing. ``estimator``, ``ua_filter``, ``heat_balance``,
   ``pump_check``, ``flow_watch``, ``branch_watch``, ``level_watch``, ``plausibility``, ``evidence``.
3. reset: what the loops are asked for. ``reset``, ``trim_respond``, ``coolant_need``, ``pump_limits``.
4. loops: ``loops``, ``events`` (modes), ``pid``, ``supply_law`` with ``exchanger_model``, ``heat_ahead`` and
   ``stuck_valve``.
5. groups: CDUs on one header. ``groups``.
6. pumps: which one runs how fast. ``pumps``, ``pump_trips``, ``pump_roles``, ``pump_drive``.
7. branches: valves of rack manifolds. ``branches``, ``branch_shares``, ``bypass``.

Behind them ``protection`` hands readings and demands to what outranks control (``safety``: ``guard``, ``interlocks``);
``latches`` are the orders on it, ``watch_plan`` its limits. The last gate is ``safety.envelope``. Beside the stages:
``trial`` moves a loop on purpose (``coolantd tune``), ``conditions`` is what any stage tells people, ``stages`` and
``golden`` are how machine code comes to be trusted.
"""

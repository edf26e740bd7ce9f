"""Sizing a liquid cooling loop before it is built: racks, coolant, CDU, facility. Pure: figures in, figures out."""

"""Puts this folder on the import path, so that the tests below it share its helper modules."""

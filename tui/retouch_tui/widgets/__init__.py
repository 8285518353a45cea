"""Widgets: they render and post messages; the app wires."""

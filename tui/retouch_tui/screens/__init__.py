"""Screens: the editor and the dialogs above it."""

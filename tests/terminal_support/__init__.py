"""Terminals made of software: a driver that records, a fake terminal on a pty, a reader of escape sequences."""

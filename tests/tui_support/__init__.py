"""Stand-ins and pictures for the tests of the terminal UI."""

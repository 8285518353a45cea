"""The commands, one module each: `add_arguments(parser)` and `run(args)`; heavy imports stand inside `run`."""

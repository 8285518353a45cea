"""Between the app and the terminal: what it can do, the bytes it gets, and how fast it takes them."""

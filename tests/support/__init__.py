"""What the tests share: tiny models, odd pictures."""

"""The terminal UI of retouch: paint a mask, type a prompt, watch the picture mend."""

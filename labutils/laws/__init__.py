"""How loss falls with data and model size: chapters 01 and 09."""

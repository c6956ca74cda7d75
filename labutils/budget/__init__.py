"""What a model can hold, and what it does past that: chapters 02 and 03."""

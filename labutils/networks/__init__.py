"""Models and training, shared by the parts of the book."""

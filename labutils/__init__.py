"""The experiments behind *Training with Less Data*: one module for each chapter, on a common ground floor."""

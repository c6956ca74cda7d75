"""How alike two representations are: chapter 10."""

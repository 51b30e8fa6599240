"""How operands are made to meet what is demanded of them: each repair is written once."""

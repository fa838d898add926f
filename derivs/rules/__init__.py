"""Facts as tables: each row can be checked by eye, and a test loops over all of them."""

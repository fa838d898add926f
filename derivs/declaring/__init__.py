"""An exercise from its declaration, a table at a time: each file adds the steps for the tables that it knows."""

"""Pure mathematics: exact amounts, events and their price, lanes, sensitivity, mechanisms, accuracy. No SQL, no I/O."""

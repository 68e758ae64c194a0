"""From an analyst's SQL to a plan that carries its own proof obligations: parse, bind, derive, split, explain."""

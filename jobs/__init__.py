"""Background work: jobs are rows, and a broker only rings for them."""

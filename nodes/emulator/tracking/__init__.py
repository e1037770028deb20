"""A world in which pending actions move the state, and the best rates in it, for policies that know these actions or not."""

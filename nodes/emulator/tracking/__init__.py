"""An environment in which pending actions (decided, not yet applied) move the state, and the best mean rewards in it.

The best mean reward is computed for policies that know the pending actions, and for policies that do not.
"""

"""DQN (Mnih et al., 2015), with dueling and noisy heads if the network has them."""

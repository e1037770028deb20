"""SAC (Haarnoja et al., 2018): continuous actions, drawn from a squashed Gaussian, with twin critics and a learned temperature."""
